//! Credentials in the head of an HTTP exchange at the start of a frame's text: by the names of its headers, and in
//! the target of a request.

use super::super::http::Head;
use super::notice::Noticed;
use super::request;

/// The credentials in a head, with their places in the text.
pub(super) fn in_head(text: &str) -> Vec<Noticed> {
    let Some(head) = Head::read(text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut take =
        |part: &str, noticed: Vec<Noticed>| {
            // Each part is a piece of the text.
            let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            found.extend(noticed.into_iter().map(|one| Noticed {
                span: one.span.map(|span| start + span.start..start + span.end),
                ..one
            }));
        };
    if let Some((_, target)) = head.request() {
        take(target, request::in_url(target));
    }
    for (name, value) in &head.headers {
        match request::credentials(name, value) {
            Some(noticed) => take(value, noticed),
            // `Location`, `Referer`; other values have no query.
            None => take(value, request::in_url(value)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Redactor;
    use super::super::rules::Rules;

    #[test]
    fn a_recorded_exchange_has_no_credential_in_any_of_its_places() {
        let mut rules = Rules::default();
        rules.add_pointer("/user/email").expect("a pointer");
        let redactor = Redactor::with_rules(rules);
        for (text, clean) in [
            (
                "POST /x?access_token=a%2Fb&room=1 HTTP/1.1\r\nHost: h\r\nX-Api-Key: k\r\nCookie: a=1; b=2\r\n\r\n{\"user\":{\"email\":\"a@b.c\"},\"password\":\"hunter2!\"}",
                "POST /x?access_token={{secret:access_token#1}}&room=1 HTTP/1.1\r\nHost: h\r\nX-Api-Key: {{secret:x-api-key#1}}\r\nCookie: a={{secret:cookie#1}}; b={{secret:cookie#2}}\r\n\r\n{\"user\":{\"email\":\"{{secret:email#1}}\"},\"password\":\"{{secret:password#1}}\"}",
            ),
            (
                "HTTP/1.1 302 Found\r\nset-cookie: sid=zz9; Path=/\r\nlocation: /in?ticket=t1\r\n\r\n",
                "HTTP/1.1 302 Found\r\nset-cookie: sid={{secret:cookie#3}}; Path=/\r\nlocation: /in?ticket={{secret:ticket#1}}\r\n\r\n",
            ),
            (
                "event: user\ndata: {\"user\":{\"email\":\"a@b.c\"},\"refresh_token\":\"r-9f8a7b6c5d4e\"}\n\n",
                "event: user\ndata: {\"user\":{\"email\":\"{{secret:email#1}}\"},\"refresh_token\":\"{{secret:refresh_token#1}}\"}\n\n",
            ),
        ] {
            assert_eq!(redactor.clean(text), clean);
        }
    }
}
