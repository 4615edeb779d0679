use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

fn knowing(secrets: &[(&str, &str)]) -> Redactor {
    let redactor = Redactor::default();
    secrets.iter().for_each(|(name, value)| redactor.add(name, &Secret::new(*value)));
    redactor
}

/// However long: what has no end of its own ends with the message.
#[test]
fn a_long_value_leaves_no_tail() {
    let long = "Zq7".repeat(40_000);
    for text in [
        format!("password={long}"),
        format!("token={long}"),
        format!("password = \"{long} x\""),
        format!("Cookie: a={long}; b={long}"),
        format!("password: {long}"),
        format!("<password>{long}</password>"),
        format!("<token><![CDATA[{long}]]></token>"),
        format!("-----BEGIN PRIVATE KEY-----\n{long}\n-----END PRIVATE KEY-----"),
        format!("curl {} -u ada:{long}", "-v ".repeat(9_000)),
        format!("https://h/{}?sig={long}", "p/".repeat(9_000)),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJ{long}.{long}"),
        // Between signs that end no value.
        format!("token=abc|a=b|c=d|e=f|g=h|i=j|k=l|m=n|o=p|q=r|s=t|password={long}"),
        format!("{}https://u:{long}@h/", "https://h/|".repeat(12)),
        // The beginning of a line is configuration, whatever words it has.
        "password: correct horse battery staple".to_owned(),
    ] {
        let clean = Redactor::default().clean(&text).into_owned();
        assert!(!clean.contains("Zq7") && !clean.contains("horse"), "{:.60} {:.400}", text, clean);
    }
}

/// Names without values, one after the other: what is read again for each of them takes the square of the length. A tenfold
/// length may take tenfold the steps; that it ends at all is what is asked here, as seconds are nobody's to promise.
#[test]
fn a_message_of_nothing_but_names_is_read_in_the_time_that_its_length_takes() {
    for piece in [
        "password=",
        "token=",
        "password: ",
        "\"password\":{",
        "\"tokens\":[",
        "<password><![CDATA[",
        "curl -u a:",
        "-----BEGIN PRIVATE KEY-----",
        "Authorization: Digest ",
        "://",
        "eyJ",
    ] {
        let redactor = Redactor::default();
        let clean = redactor.clean(&piece.repeat(40_000 / piece.len())).into_owned();
        assert!(clean.len() <= 200_000, "{piece}");
    }
}

#[test]
fn equal_secrets_get_equal_labels_in_every_form() {
    let redactor = knowing(&[("token", "s3cr3t/+value"), ("token", "other-one"), ("token", "s3cr3t/+value")]);
    assert_eq!(
        redactor.clean("a=s3cr3t/+value b=s3cr3t%2F%2Bvalue c=other-one"),
        "a={{secret:token#1}} b={{secret:token#1}} c={{secret:token#2}}"
    );
    assert_eq!(redactor.clean("nothing here"), "nothing here");
}

#[test]
fn overlapping_secrets_are_all_gone_and_contained_ones_are_part_of_the_larger() {
    let redactor = knowing(&[("a", "abcdefgh"), ("b", "fghijklm"), ("c", "cdef")]);
    assert_eq!(redactor.clean("xabcdefghijklmx"), "x{{secret:a#1}}{{secret:b#1}}x");
    assert_eq!(redactor.clean("xabcdefghx cdef"), "x{{secret:a#1}}x {{secret:c#1}}");
}

#[test]
fn what_is_clean_stays_as_it_is_even_where_a_secret_is_a_word_of_labels() {
    let redactor = knowing(&[("token", "s3cr3t-value"), ("word", "secret"), ("word", "token")]);
    let clean = redactor.clean("my s3cr3t-value").into_owned();
    assert_eq!(clean, "my {{secret:token#1}}");
    assert_eq!(redactor.clean(&clean), clean);
    assert_eq!(redactor.clean("a secret {{secret:x}}"), "a {{secret:word#1}} {{{{secret:word#1}}:x}}");
}

#[test]
fn a_number_that_is_a_secret_leaves_json_behind() {
    let redactor = knowing(&[("pin", "123456")]);
    assert_eq!(
        redactor.clean(r#"{"a":123456,"b":"x 123456"}"#),
        r#"{"a":"{{secret:pin#1}}","b":"x {{secret:pin#1}}"}"#
    );
}

#[test]
fn a_jwt_nobody_announced_is_hidden() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0xx.c2lnbmF0dXJl";
    assert_eq!(
        Redactor::default().clean(&format!("{{\"t\":\"{jwt}\",\"u\":\"{jwt}\"}}")),
        "{\"t\":\"{{secret:jwt#1}}\",\"u\":\"{{secret:jwt#1}}\"}"
    );
}

#[test]
fn a_credential_header_is_hidden_whatever_it_holds() {
    let mut handshake = Handshake::default();
    for (name, value) in [("Cookie", "sid=1; b=22"), ("Accept", "*/*"), ("Authorization", "Bearer abc")] {
        handshake.request.insert(name.to_owned(), value.to_owned());
    }
    let clean = Redactor::default().clean_handshake(&handshake);
    assert_eq!(clean.request["Cookie"], "sid={{secret:cookie#1}}; b={{secret:cookie#2}}");
    assert_eq!(clean.request["Authorization"], "Bearer {{secret:token#1}}");
    assert_eq!(clean.request["Accept"], "*/*");
}

#[test]
fn what_a_frame_brings_under_a_credentials_name_is_hidden_from_then_on() {
    let redactor = Redactor::default();
    assert_eq!(
        redactor.clean(r#"{"type":"refreshed","access_token":"opaque-77-value"}"#),
        r#"{"type":"refreshed","access_token":"{{secret:access_token#1}}"}"#
    );
    assert_eq!(redactor.clean("you sent opaque-77-value"), "you sent {{secret:access_token#1}}");
    // A word of a language is redacted only at its place.
    let said = redactor.clean(r#"{"errors":{"password":"required"}}"#).into_owned();
    assert_eq!(said, r#"{"errors":{"password":"{{secret:password#1}}"}}"#);
    assert_eq!(redactor.clean("a name is required"), "a name is required");
}

#[test]
fn requests_and_first_messages_are_learned_from() {
    let redactor = Redactor::default();
    redactor.note_request("ws://h/ws?ticket=tick-4711", [("Cookie", "sid=cook-4711"), ("Host", "h.example")]);
    redactor.note_message("AUTH word-12345678-ab");
    redactor.note_message(r#"{"type":"auth","token":"plainlowercase"}"#);
    let text = "tick-4711 cook-4711 h.example word-12345678-ab plainlowercase";
    let clean = redactor.clean(text).into_owned();
    assert!(!clean.contains("4711") && !clean.contains("1234") && clean.contains("h.example"), "{clean}");
    assert!(!clean.contains("plainlowercase"), "{clean}");
    assert_eq!(redactor.clean_url("ws://h/ws?key=k1"), "ws://h/ws?key={{secret:key#1}}");
}

#[test]
fn a_projects_rules_are_followed() {
    let mut rules = Rules::default();
    rules.add_pattern("cust-[0-9]{6}").expect("a pattern");
    rules.add_pointer("/user/email").expect("a pointer");
    rules.add_field("otp_code");
    rules.keep_field("api_key");
    let redactor = Redactor::with_rules(rules);
    assert_eq!(
        redactor.clean(
            r#"{"user":{"email":"a@b.example"},"id":"cust-123456","OTP_code":"9","api_key":"visible-1"}"#
        ),
        r#"{"user":{"email":"{{secret:email#1}}"},"id":"{{secret:pattern#1}}","OTP_code":"{{secret:OTP_code#1}}","api_key":"visible-1"}"#
    );
    assert_eq!(redactor.clean("mail a@b.example"), "mail {{secret:email#1}}");
}

#[test]
fn bytes_that_are_no_text_are_searched() {
    let redactor = knowing(&[("token", "s3cr3t-value")]);
    assert_eq!(redactor.clean_bytes(b"\xff\x00s3cr3t-value\xfe"), &b"\xff\x00{{secret:token#1}}\xfe"[..]);
}

/// Encodings as other programs make them, written here anew: the redactor's own are not asked.
fn encodings(secret: &str, at: usize) -> Vec<String> {
    let hex = |upper: bool| {
        let byte = |b: u8| if upper { format!("{b:02X}") } else { format!("{b:02x}") };
        secret.bytes().map(byte).collect::<String>()
    };
    let some_escaped = |every: usize| -> String {
        secret
            .chars()
            .enumerate()
            .map(|(i, c)| match c {
                _ if (i + at).is_multiple_of(every) => format!("\\u{:04x}", u32::from(c)),
                '"' | '\\' => format!("\\{c}"),
                _ => c.to_string(),
            })
            .collect()
    };
    let percent: String = secret
        .bytes()
        .enumerate()
        .map(|(i, b)| {
            if (i + at).is_multiple_of(3) || b == b'%' {
                format!("%{b:02x}")
            } else {
                char::from(b).to_string()
            }
        })
        .collect();
    let twice = serde_json::Value::from(serde_json::json!({ "x": secret }).to_string()).to_string();
    let prefix = "xyz".get(..at % 3).unwrap_or_default();
    vec![
        secret.to_owned(),
        hex(true),
        hex(false),
        some_escaped(1),
        some_escaped(4),
        percent,
        twice,
        STANDARD.encode(format!("{prefix}{secret}")),
        URL_SAFE_NO_PAD.encode(format!("{prefix}{secret}~")),
        STANDARD.encode(serde_json::json!({ "y": prefix, "x": secret }).to_string()),
    ]
}

/// What somebody could read in a text: as it is, unescaped, decoded, and the decoded unescaped.
fn readings(text: &str) -> Vec<String> {
    let mut readings = vec![text.to_owned()];
    for run in
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/-_=".contains(c))).filter(|r| r.len() > 7)
    {
        let standard = run.replace('-', "+").replace('_', "/");
        for skip in 0..4.min(standard.len()) {
            let part = standard[skip..].trim_end_matches('=');
            let part = &part[..part.len() / 4 * 4];
            if let Ok(bytes) = STANDARD.decode(part) {
                readings.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        let pairs: Option<Vec<u8>> = (0..run.len() / 2)
            .map(|i| run.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        readings.extend(pairs.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    for reading in readings.clone() {
        let mut inner = reading;
        for _ in 0..2 {
            let bytes = views::without_json_escapes(inner.as_bytes()).bytes;
            inner = String::from_utf8_lossy(&bytes).into_owned();
            readings.push(inner.clone());
            readings
                .push(String::from_utf8_lossy(&views::without_percent(inner.as_bytes()).bytes).into_owned());
        }
    }
    readings
}

proptest! {
    #[test]
    fn no_encoding_of_a_secret_can_be_read(
        secret in "[ -~]{8,40}", before in "[ -~]{0,20}", after in "[ -~]{0,20}", at in 0usize..12,
    ) {
        prop_assume!(!secret.trim().is_empty() && !before.contains('\\') && !before.contains('%'));
        let redactor = knowing(&[("password", &secret)]);
        for encoded in encodings(&secret, at) {
            let clean = redactor.clean(&format!("{before}|{encoded}|{after}")).into_owned();
            for reading in readings(&clean) {
                prop_assert!(!reading.contains(&secret), "{encoded:?} became {clean:?}, in which {reading:?}");
            }
        }
    }

    #[test]
    fn cleaning_again_changes_nothing(secret in "[a-z]{4,6}", text in "[a-f \"{}:=]{0,60}") {
        let redactor = knowing(&[("token", &secret), ("password", "abcd"), ("x", "cafe")]);
        let once = redactor.clean(&text).into_owned();
        prop_assert_eq!(redactor.clean(&once).into_owned(), once);
    }
}

#[test]
fn a_credential_is_hidden_in_whatever_stands_under_its_name() {
    for (text, secret) in [
        (r#"{"headers":[{"name":"Authorization","value":"Bearer kv-0028-value"}]}"#, "kv-0028-value"),
        (r#"{"headers":[{"value":"sid=kv-0028-value","name":"Cookie"}]}"#, "kv-0028-value"),
        (r#"{"h":[["authorization","Bearer kv-0028-value"],["a","b"]]}"#, "kv-0028-value"),
        (r#"{"line":"curl -H 'Authorization: Bearer kv-0028-value' https://x.test"}"#, "kv-0028-value"),
        (r#"{"DATABASE_URL":"postgres://app:kv-0028-value@db/x"}"#, "kv-0028-value"),
        (r#"{"u":"https://s3.test/a?X-Amz-Signature=kv0028value&x=1"}"#, "kv0028value"),
        (r#"{"password":12345678}"#, "12345678"),
        (r#"{"credentials":{"user":"ada","inner":["kv-0028-Value1"]}}"#, "kv-0028-Value1"),
        (r#"{"passwords":["kv-0028-Value1"]}"#, "kv-0028-Value1"),
        ("<login><password>kv-0028-value</password></login>", "kv-0028-value"),
        (r#"{"query":"mutation { login(password: \"kv-0028-value\") { id } }"}"#, "kv-0028-value"),
        (r#"{"k":"AKIAIOSFODNN7EXAMPLE"}"#, "AKIAIOSFODNN7EXAMPLE"),
        (r#"{"said":"use ghp_a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6 now"}"#, "a1B2c3D4e5F6"),
    ] {
        let redactor = Redactor::default();
        let clean = redactor.clean(text).into_owned();
        assert!(!clean.contains(secret) && clean.contains("{{secret:"), "{clean}");
        if text.starts_with('{') {
            assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{clean}");
        }
        assert!(!Redactor::default().leftovers(text).is_empty(), "{text}");
        assert!(redactor.leftovers(&clean).is_empty(), "{clean}: {:?}", redactor.leftovers(&clean));
    }
    for text in [
        r#"{"_meta":{"progressToken":"a1b2c3d4e5f6a7b8"}}"#,
        r#"{"token":" hello","logprobs":{"tokens":["Hel","lo"]},"max_tokens":4096}"#,
        r#"{"usage":{"input_tokens":123456,"total_tokens":223456}}"#,
        r#"{"name":"Authorization","description":"who may come in"}"#,
        r#"{"url":"https://x.test/a?page=2&code=7","pass":true}"#,
        r#"{"passwords":["is required"]}"#,
    ] {
        assert_eq!(Redactor::default().clean(text), text);
    }
}
