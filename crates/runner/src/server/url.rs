//! URLs that may contain placeholders such as `{{port}}`.

/// Scheme and `host:port` of a URL that may still have places.
pub(super) fn host_of(url: &str) -> (&str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("ws", url));
    (scheme, rest.split(['/', '?', '#']).next().unwrap_or(rest))
}
