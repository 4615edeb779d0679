//! Where a build listens: the table `[target.NAME]` of `goldwire.toml`.
//!
//! ```toml
//! [target.local]
//! url = "ws://127.0.0.1:{{port}}/ws"
//! http = "http://127.0.0.1:{{port}}"     # the URL's own host when it is not here
//! auth = "user"                          # [auth.user]
//! headers = { Origin = "http://localhost" }
//! subprotocols = ["chat.v2"]
//! ca = "certs/dev.pem"                   # or insecure = true
//! client_cert = "certs/me.pem"           # for a server that asks who its client is
//! client_key = "certs/me.key"
//! connect_timeout = "10 s"
//! max_message = "64 MiB"                 # limits: whoever passes one is cut off
//! max_duration = "1 h"
//! max_rate = 100_000                     # messages from the server in one second
//! server = { command = "./server --port {{port}}", ready = "http://127.0.0.1:{{port}}/health" }
//! ```

use super::server_process::ServerSpec;
use super::url::host_of;
use crate::auth::{ClientCertificate, RequestParts, Trust};
use crate::connection::ConnectOptions;
use goldwire_core::document::Fields;
use goldwire_core::template::{Template, Unbound, fill_text};
use goldwire_core::transcript::Gap;
use serde_json::Value;
use std::path::PathBuf;

/// A name that templates ask for, and its value.
type Lookup<'l> = &'l mut dyn FnMut(&str) -> Option<Value>;

/// Where a build listens. Strings may hold places such as `{{port}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// As the configuration calls it.
    pub name: String,
    /// `ws://` or `wss://`; `http://` or `https://` where sessions are HTTP requests.
    pub url: String,
    /// Its HTTP side, which becomes `{{http}}`; see [`Target::http_url`].
    pub http: Option<String>,
    /// The name of the recipe by which users log in.
    pub auth: Option<String>,
    /// Sent with every upgrade.
    pub headers: Vec<(String, String)>,
    /// Offered with every upgrade, the preferred one first.
    pub subprotocols: Vec<String>,
    /// Which certificates we believe.
    pub trust: Trust,
    /// How long opening a connection may take.
    pub connect_timeout: Gap,
    /// The longest message that is taken, in bytes.
    pub max_message: usize,
    /// The longest session.
    pub max_duration: Option<Gap>,
    /// The most messages that a server may send within a second of the session.
    pub max_rate: Option<u32>,
    /// How the build is started, when goldwire is to do so.
    pub server: Option<ServerSpec>,
}

impl Target {
    /// A target that is only a URL, as given on the command line.
    pub fn at(url: impl Into<String>) -> Target {
        let options = ConnectOptions::new("");
        Target {
            name: "url".to_owned(),
            url: url.into(),
            http: None,
            auth: None,
            headers: Vec::new(),
            subprotocols: Vec::new(),
            trust: options.trust,
            connect_timeout: options.timeout,
            max_message: options.max_message,
            max_duration: None,
            max_rate: None,
            server: None,
        }
    }

    /// Reads `[target.NAME]`. Mistakes are reported to the fields' source; none is returned when too little is left.
    pub fn read(name: &str, fields: Fields<'_>) -> Option<Target> {
        let url = fields.string("url");
        if url.is_none() && !fields.has("url") {
            let hint = Some("url = \"ws://127.0.0.1:8000/ws\"".to_owned());
            fields.source().report(
                fields.span(),
                format!("`{}` is missing", fields.path_of("url")),
                "here",
                hint,
            );
        }
        if let Some((text, span)) = &url
            && !["ws://", "wss://", "http://", "https://", "{{"].iter().any(|start| text.starts_with(start))
        {
            let hint = Some("use ws:// or wss://, or http:// or https:// for sessions over HTTP".to_owned());
            let message = format!("`{}` is not a URL for sessions", fields.path_of("url"));
            fields.source().report(span.clone(), message, "here", hint);
        }
        let url = url.map(|(text, _)| text);
        let headers = fields.table("headers");
        let trust = Trust {
            insecure: fields.boolean("insecure").unwrap_or(false),
            ca: fields.text("ca").map(PathBuf::from),
            client: client_certificate(&fields),
        };
        let base = Target::at(url.clone().unwrap_or_default());
        let target = Target {
            name: name.to_owned(),
            http: fields.text("http"),
            auth: fields.text("auth"),
            headers: headers
                .keys()
                .into_iter()
                .filter_map(|name| headers.text(&name).map(|value| (name, value)))
                .collect(),
            subprotocols: fields
                .strings("subprotocols")
                .unwrap_or_default()
                .into_iter()
                .map(|(text, _)| text)
                .collect(),
            connect_timeout: fields.gap("connect_timeout").unwrap_or(base.connect_timeout),
            max_message: read_size(&fields, "max_message").unwrap_or(base.max_message),
            max_duration: fields.gap("max_duration"),
            max_rate: fields.count("max_rate").map(|rate| u32::try_from(rate).unwrap_or(u32::MAX)),
            server: if fields.has("server") {
                ServerSpec::read(fields.table("server"), &base.url, &trust)
            } else {
                None
            },
            trust,
            ..base
        };
        headers.finish();
        fields.finish();
        url.map(|_| target)
    }

    /// Whether `{{port}}` occurs anywhere, so that a free one must be found.
    pub fn needs_port(&self) -> bool {
        let own = [Some(&self.url), self.http.as_ref()].into_iter().flatten();
        let headers = self.headers.iter().map(|(_, value)| value);
        let asks = |text: &String| Template::Text(text.clone()).names().iter().any(|name| name == "port");
        own.chain(headers).chain(&self.subprotocols).any(asks)
            || self.server.as_ref().is_some_and(|server| server.templates().any(asks))
    }

    /// The HTTP side with every place filled: what `http` says, else the URL's own host.
    ///
    /// # Errors
    /// The first name that `lookup` does not know.
    pub fn http_url(&self, lookup: Lookup<'_>) -> Result<String, Unbound> {
        match &self.http {
            Some(http) => fill_text(http, lookup),
            None => {
                let (scheme, host) = host_of(&self.url);
                let is_tls = matches!(scheme, "wss" | "https");
                fill_text(&format!("{}://{host}", if is_tls { "https" } else { "http" }), lookup)
            }
        }
    }

    /// Where sessions over HTTP go: the URL, if it is of that kind, else its HTTP side; with every place filled.
    ///
    /// # Errors
    /// The first name that `lookup` does not know.
    pub fn requests_url(&self, lookup: Lookup<'_>) -> Result<String, Unbound> {
        if self.url.starts_with("http") { fill_text(&self.url, lookup) } else { self.http_url(lookup) }
    }

    /// What to connect to, with every place filled; the token is not in it yet
    /// ([`Identity::apply`](crate::auth::Identity::apply)).
    ///
    /// # Errors
    /// The first name that `lookup` does not know.
    pub fn connect_options(&self, lookup: Lookup<'_>) -> Result<ConnectOptions, Unbound> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            headers.push((name.clone(), fill_text(value, lookup)?));
        }
        let mut subprotocols = Vec::new();
        for name in &self.subprotocols {
            subprotocols.push(fill_text(name, lookup)?);
        }
        Ok(ConnectOptions {
            request: RequestParts { url: fill_text(&self.url, lookup)?, headers, subprotocols },
            trust: self.trust.clone(),
            timeout: self.connect_timeout,
            max_message: self.max_message,
            reset: false,
        })
    }
}

/// The certificate by which a server knows us: both files or none.
fn client_certificate(fields: &Fields<'_>) -> Option<ClientCertificate> {
    let [chain, key] = ["client_cert", "client_key"].map(|key| fields.text(key).map(PathBuf::from));
    let missing = match (&chain, &key) {
        (Some(_), None) => Some(("client_cert", "client_key")),
        (None, Some(_)) => Some(("client_key", "client_cert")),
        _ => None,
    };
    if let Some((given, missing)) = missing {
        let hint = Some(format!("{missing} = \"…\", a PEM file"));
        fields.report(given, format!("`{given}` needs `{missing}` beside it"), "here", hint);
    }
    Some(ClientCertificate { chain: chain?, key: key? })
}

/// A number of bytes, or a string such as `64 MiB`.
fn read_size(fields: &Fields<'_>, key: &str) -> Option<usize> {
    let (item, span) = fields.item(key)?;
    let size = match item.as_str() {
        Some(text) => parse_size(text),
        None => item.as_integer().and_then(|size| usize::try_from(size).ok()),
    };
    if size.is_none_or(|size| size == 0) {
        let message = format!("`{}` is a size", fields.path_of(key));
        fields.source().report(
            span,
            message,
            "here",
            Some("write \"64 MiB\" or a number of bytes".to_owned()),
        );
    }
    size
}

/// Reads a number of bytes, or `64 MiB`.
pub fn parse_size(text: &str) -> Option<usize> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldwire_core::document::{SourceText, parse_toml};

    fn read(text: &str) -> Result<Target, String> {
        let source = SourceText::new("goldwire.toml", text);
        let document = parse_toml(&source).expect("the test is TOML");
        let target = Target::read("local", Fields::root(&source, document.as_table()));
        if source.is_clean() {
            Ok(target.expect("no problem, so a target"))
        } else {
            Err(source.into_problems().to_string())
        }
    }

    #[test]
    fn a_target_reads_with_its_defaults_and_fills_its_places() {
        let target = read("url = 'ws://127.0.0.1:{{port}}/ws?v=2'\nheaders = { X-U = '{{user.id}}' }")
            .expect("no mistake");
        assert!(target.needs_port());
        let mut lookup = |name: &str| match name {
            "port" => Some(Value::from(8123)),
            "user.id" => Some(Value::from("u-1")),
            _ => None,
        };
        assert_eq!(target.http_url(&mut lookup).as_deref(), Ok("http://127.0.0.1:8123"));
        let options = target.connect_options(&mut lookup).expect("every name is known");
        assert_eq!(options.request.url, "ws://127.0.0.1:8123/ws?v=2");
        assert_eq!(options.request.headers, [("X-U".to_owned(), "u-1".to_owned())]);
        assert_eq!((options.timeout, options.max_message), (Gap::from_millis(10_000), 64 << 20));
        assert_eq!(target.connect_options(&mut |_| None), Err(Unbound("user.id".to_owned())));
        let fixed = read(
            "url = 'wss://example.test/ws'\nmax_message = '1 KiB'\nmax_duration = '1 min'\nauth = 'user'",
        )
        .expect("no mistake");
        assert_eq!((fixed.needs_port(), fixed.max_message), (false, 1024));
        assert_eq!((fixed.max_duration, fixed.max_rate), (Some(Gap::from_millis(60_000)), None));
        assert_eq!(fixed.http_url(&mut |_| None).as_deref(), Ok("https://example.test"));
    }

    #[test]
    fn every_mistake_is_told_with_its_place_and_a_way_out() {
        for (text, expected) in [
            ("auth = 'u'", "`url` is missing"),
            ("url = 'ftp://x/ws'", "hint: it begins with ws:// or wss://"),
            ("url = 'ws://x'\ninsecur = true", "did you mean `insecure`?"),
            ("url = 'ws://x'\nclient_cert = 'me.pem'", "`client_cert` needs `client_key` beside it"),
            ("url = 'ws://x'\nmax_message = 'big'", "`max_message` is a size"),
            ("url = 'ws://x'\nserver = { }", "`server.command` is missing"),
            ("url = 'ws://x'\nserver = { command = \"a 'b\" }", "a quote is not closed"),
            ("url = 'ws://x'\nserver = { command = 'a', ready = 'x' }", "`server.ready` cannot be asked"),
        ] {
            let problems = read(text).expect_err(text);
            assert!(problems.contains(expected), "{text}\n{problems}");
        }
    }

    #[test]
    fn a_server_without_a_ready_check_is_ready_when_it_listens() {
        let target =
            read("url = 'ws://127.0.0.1:{{port}}/ws'\nserver = { command = \"serve --name 'a b' x\" }");
        let server = target.expect("no mistake").server.expect("it has one");
        assert_eq!(server.command, ["serve", "--name", "a b", "x"]);
        assert_eq!(server.ready.as_deref(), Some("tcp://127.0.0.1:{{port}}"));
        let target = read("url = 'wss://x.test/ws'\nserver = { command = ['serve'] }").expect("no mistake");
        assert_eq!(target.server.and_then(|server| server.ready).as_deref(), Some("tcp://x.test:443"));
    }
}
