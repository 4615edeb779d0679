//! Tests of the file above.

use super::*;
use crate::auth::base::Base;
use crate::auth::identity::Placement;
use crate::auth::percent_encode;
use crate::auth::recipe::tests::read;
use crate::auth::trust::Trust;
use goldwire_core::secret::Secret;
use goldwire_core::transcript::Redactor;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A real HTTP server that answers one request a connection: what `answer` says to the request's text.
async fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut text, mut buffer) = (String::new(), [0; 4096]);
            loop {
                let count = stream.read(&mut buffer).await.unwrap_or(0);
                text.push_str(&String::from_utf8_lossy(&buffer[..count]));
                let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                    let len = head.to_lowercase().split("content-length: ").nth(1).and_then(|rest| {
                        rest.lines().next().and_then(|len| len.trim().parse::<usize>().ok())
                    });
                    body.len() >= len.unwrap_or(0)
                });
                if count == 0 || whole {
                    break;
                }
            }
            let _ = stream.write_all(answer(&text).as_bytes()).await;
        }
    });
    format!("http://{address}")
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn base(http: &str) -> Base {
    Base::new(Some(http), BTreeMap::new(), &Trust { insecure: true, ..Trust::default() })
        .expect("no authorities are needed")
}

const LOGIN: &str = r#"
        user = { email = "u{{user.index}}-{{nonce}}@example.test", password = "pw-{{nonce}}" }
        register = { url = "{{http}}/register", json = { email = "{{user.email}}", password = "{{user.password}}" }, accept = [201, 409] }
        login = { url = "{{http}}/login", form = { username = "{{user.email}}", password = "{{user.password}}" }, token = "/access_token", bind = { "user.id" = "/user/id" }, secret = { refresh_token = "/refresh" } }
        place = "subprotocol"
        subprotocol = "bearer.{{user.id}}.{{token}}"
        timeout = "60 s"
    "#;

#[tokio::test]
async fn register_then_login_makes_an_identity_and_hides_its_secrets() {
    let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let url = serve(move |request| {
        let _ = sent.send(request.to_owned());
        if request.starts_with("POST /register ") {
            http("409 Conflict", "", "{}")
        } else {
            http(
                "200 OK",
                "set-cookie: sid=abcdefghijkl; Path=/; HttpOnly\r\n",
                r#"{"access_token":"opaque-token-1","refresh":"opaque-refresh-1","user":{"id":7}}"#,
            )
        }
    })
    .await;
    let redactor = Redactor::default();
    let recipe = read(LOGIN).expect("no mistake in it");
    let identity = login(&recipe, &base(&url), 3, &redactor).await.expect("logged in");
    let register = seen.recv().await.expect("registered");
    let email = identity.vars["user.email"].as_str().expect("a string").to_owned();
    let password = identity.vars["user.password"].as_str().expect("a string").to_owned();
    assert!(register.contains(&format!(r#""email":"{email}""#)), "{register}");
    let request = seen.recv().await.expect("logged in");
    assert!(request.contains("application/x-www-form-urlencoded"), "{request}");
    assert!(
        request.ends_with(&format!("username={}&password={password}", percent_encode(&email))),
        "{request}"
    );
    assert!(email.starts_with("u3-") && email.ends_with("@example.test"), "{email}");
    assert_eq!((identity.user.as_str(), identity.vars["user.id"].clone()), ("u3", Value::from(7)));
    assert_eq!(identity.vars["refresh_token"], "opaque-refresh-1");
    assert_eq!(identity.token.as_ref().map(Secret::expose), Some("opaque-token-1"));
    assert_eq!(identity.placement, Placement::Subprotocol("bearer.7.{{token}}".to_owned()));
    for secret in ["opaque-token-1", "opaque-refresh-1", "abcdefghijkl", &password] {
        assert!(!redactor.clean(&format!("x {secret} y")).contains(secret), "{secret} is not hidden");
    }
}

#[tokio::test]
async fn a_user_is_made_by_whom_an_earlier_request_logged_in() {
    let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let url = serve(move |request| {
        let _ = sent.send(request.to_owned());
        match request.starts_with("POST /users ") {
            true => http("201 Created", "", "{}"),
            false => http("200 OK", "", r#"{"token":"opaque-token-3"}"#),
        }
    })
    .await;
    let recipe = read(
            "user = { name = 'n{{user.index}}' }\n\
             register = [{ url = '{{http}}/admin', secret = { admin_token = '/token' } }, \
             { url = '{{http}}/users', headers = { Authorization = 'Bearer {{admin_token}}' }, json = { name = '{{user.name}}' } }]\n\
             login = { url = '{{http}}/l', token = '/token' }",
        )
        .expect("no mistake in it");
    let redactor = Redactor::default();
    login(&recipe, &base(&url), 4, &redactor).await.expect("logged in");
    assert!(seen.recv().await.expect("asked").starts_with("POST /admin "));
    let made = seen.recv().await.expect("made");
    assert!(made.starts_with("POST /users ") && made.ends_with(r#"{"name":"n4"}"#), "{made}");
    assert!(made.to_lowercase().contains("authorization: bearer opaque-token-3"), "{made}");
    assert!(seen.recv().await.expect("logged in").starts_with("POST /l "));
    assert!(!redactor.clean("opaque-token-3").contains("opaque"));
}

#[tokio::test]
async fn what_a_session_needs_is_made_with_the_token_and_taken_away_again() {
    let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let url = serve(move |request| {
        let _ = sent.send(request.to_owned());
        match request.starts_with("POST ") {
            true => http("201 Created", "", r#"{"id":"room-7","door":{"key":"open-sesame-1"}}"#),
            false => http("204 No Content", "", ""),
        }
    })
    .await;
    let recipe = read(
            "kind = 'token'\ncommand = ['echo', 'opaque-token-4']\n\
             prepare = { url = '{{http}}/rooms', headers = { Authorization = 'token {{token}}' }, json = {}, \
             bind = { 'room.id' = '/id' }, secret = { door_key = '/door/key' } }\n\
             cleanup = { method = 'DELETE', url = '{{http}}/rooms/{{room.id}}', headers = { X = '{{token}}' } }",
        )
        .expect("no mistake in it");
    let redactor = Redactor::default();
    let identity = login(&recipe, &base(&url), 1, &redactor).await.expect("logged in");
    let made = seen.recv().await.expect("asked").to_lowercase();
    assert!(
        made.starts_with("post /rooms ") && made.contains("authorization: token opaque-token-4"),
        "{made}"
    );
    assert_eq!(identity.vars["room.id"], "room-7");
    assert!(!identity.vars.contains_key("token") && !redactor.clean("open-sesame-1").contains("sesame"));
    clean_up(&recipe, &base(&url), &identity, &redactor).await.expect("taken away");
    let gone = seen.recv().await.expect("asked").to_lowercase();
    assert!(gone.starts_with("delete /rooms/room-7 ") && gone.contains("x: opaque-token-4"), "{gone}");
}

#[tokio::test]
async fn a_token_comes_from_a_cookie() {
    let url =
        serve(|_| http("204 No Content", "set-cookie: a=1\r\nset-cookie: jwt=abc.def; HttpOnly\r\n", ""))
            .await;
    let recipe =
        read("login = { url = '{{http}}/l', token_cookie = 'jwt' }\nplace = 'cookie'").expect("no mistake");
    let identity = login(&recipe, &base(&url), 1, &Redactor::default()).await.expect("logged in");
    assert_eq!(identity.token.map(|token| token.expose().to_owned()), Some("abc.def".to_owned()));
}

#[tokio::test]
async fn a_refused_login_says_what_the_server_said_without_secrets() {
    let url = serve(|request| {
        if request.starts_with("POST /register ") {
            return http("201 Created", "", "{}");
        }
        let password = request.split("password=").nth(1).unwrap_or_default();
        http("401 Unauthorized", "", &format!(r#"{{"detail":"bad {password}","session_id":"0123456789"}}"#))
    })
    .await;
    let recipe = read(LOGIN).expect("no mistake in it");
    let error = login(&recipe, &base(&url), 1, &Redactor::default()).await.expect_err("refused");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("login: POST {url}/login answered 401: {{\"detail\":\"bad {{{{secret:")),
        "{text}"
    );
    assert!(!text.contains("pw-") && !text.contains("0123456789"), "{text}");
    assert!(error.hint().is_some_and(|hint| hint.contains("credentials")));
}

#[tokio::test]
async fn a_token_that_is_elsewhere_is_not_shown_by_the_error_about_it() {
    let url =
        serve(|_| http("200 OK", "", r#"{"accessToken":"opaque-token-2","expires":3,"odd":"hide-me-too"}"#))
            .await;
    let recipe = read("login = { url = '{{http}}/l', token = '/access_token' }").expect("no mistake in it");
    let redactor = Redactor::default();
    let text = login(&recipe, &base(&url), 1, &redactor).await.expect_err("no token").to_string();
    let expected = "answered 200, but no token is at /access_token; \
                        it has /accessToken (string), /expires (number), /odd (string)";
    assert!(text.ends_with(expected), "{text}");
    assert!(!redactor.clean("opaque-token-2").contains("opaque"));
}

#[tokio::test]
async fn nobody_listening_and_nobody_answering_are_told_apart() {
    let within = |timeout: &str| {
        read(&format!("login = {{ url = '{{{{http}}}}/l', token = '/t' }}\ntimeout = '{timeout}'"))
            .expect("no mistake in it")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let silent = login(&within("200 ms"), &base(&url), 1, &Redactor::default()).await;
    let silent = silent.expect_err("nobody answers");
    assert!(silent.to_string().ends_with("/l: no answer within 200 ms"), "{silent}");
    drop(listener);
    let refused = login(&within("60 s"), &base(&url), 1, &Redactor::default()).await;
    let refused = refused.expect_err("nobody listens");
    assert!(refused.to_string().ends_with("/l: connection refused"), "{refused}");
}

#[tokio::test]
async fn a_name_nobody_knows_is_told_with_the_nearest_one() {
    let recipe = read("user = { email = 'e' }\nlogin = { url = '{{http}}/{{user.emial}}', token = '/t' }");
    let recipe = recipe.expect("no mistake in it");
    let error =
        login(&recipe, &base("http://127.0.0.1:9"), 1, &Redactor::default()).await.expect_err("unbound");
    assert_eq!(error.to_string(), "login: no value for {{user.emial}}");
    assert_eq!(error.hint().as_deref(), Some("did you mean `user.email`?"));
}

#[tokio::test]
async fn a_minted_token_claims_what_the_recipe_says_and_when() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "a-shared-secret\n").expect("it can be written");
    let text = format!(
        "kind = 'mint'\nuser = {{ id = 'user-{{{{user.index}}}}' }}\nsecret_file = '{}'\nttl = '1 min'\n\
             claims = {{ sub = '{{{{user.id}}}}', n = '{{{{user.index}}}}' }}",
        file.path().display()
    );
    let redactor = Redactor::default();
    let recipe = read(&text).expect("no mistake in it");
    let identity = login(&recipe, &base("http://127.0.0.1:9"), 2, &redactor).await.expect("minted");
    let claims = identity.claims.expect("a JWT");
    assert_eq!((&claims["sub"], &claims["n"]), (&Value::from("user-2"), &Value::from(2)));
    let (iat, exp) = (claims["iat"].as_u64().expect("a time"), claims["exp"].as_u64().expect("a time"));
    assert_eq!(exp - iat, 60);
    assert_eq!(claims["jti"].as_str().map(str::len), Some(16));
    assert_eq!(redactor.clean("a-shared-secret"), "{{secret:key#1}}");
}

#[tokio::test]
async fn a_command_prints_the_token_or_says_why_not() {
    let run = async |command: &str| {
        let recipe =
            read(&format!("kind = 'token'\ncommand = ['sh', '-c', '{command}']")).expect("no mistake");
        login(&recipe, &base("http://127.0.0.1:9"), 5, &Redactor::default()).await
    };
    let identity = run("echo tok-$GOLDWIRE_USER_INDEX").await.expect("it prints a token");
    assert_eq!(identity.token.map(|token| token.expose().to_owned()), Some("tok-5".to_owned()));
    let error = run("echo not logged in >&2; exit 3").await.expect_err("it fails");
    assert_eq!(error.to_string(), "token: command `sh` ended with exit status: 3: not logged in");
    let error = run("true").await.expect_err("it prints nothing");
    assert_eq!(error.to_string(), "token: command `sh` printed nothing");
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let recipe = read("kind = 'token'\nenv = 'GOLDWIRE_NO_SUCH_TOKEN'").expect("no mistake in it");
    let error =
        login(&recipe, &base("http://127.0.0.1:9"), 1, &Redactor::default()).await.expect_err("not set");
    let expected = "token: environment variable GOLDWIRE_NO_SUCH_TOKEN: environment variable not found";
    assert_eq!(error.to_string(), expected);
}
