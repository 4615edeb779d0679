//! The login of SASL PLAIN (RFC 4616) in a message of XML: `base64([authzid] NUL authcid NUL passwd)`.
//!
//! A recording hides it as a whole, name and password. What is sent is made of both again, whoever is to log in:
//!
//! ```text
//! {"#name": "auth", "@mechanism": "PLAIN", "#text": "{{password}}"}
//! {"#name": "auth", "@mechanism": "PLAIN", "#base64": "\u0000{{username}}\u0000{{password}}"}
//! ```

use crate::codec::xml::{IN_BASE64, TEXT};
use serde_json::{Map, Value};

/// The place where an element names the mechanism of a login.
const MECHANISM: &str = "@mechanism";
const PLAIN: &str = "PLAIN";
/// The element that holds the credentials in SASL 2 (XEP-0388).
const INITIAL: &str = "initial-response";
/// The name and the password of the person who runs it.
const CREDENTIALS: &str = "\0{{username}}\0{{password}}";

/// Puts a name and a password in the place of a whole login that was hidden.
pub(super) fn fill(message: &mut Value) {
    let Some(element) = message.as_object_mut() else { return };
    if element.get(MECHANISM).and_then(Value::as_str) != Some(PLAIN) {
        return;
    }
    in_place(element);
    if let Some(Value::Object(initial)) = element.get_mut(INITIAL) {
        in_place(initial);
    }
}

fn in_place(element: &mut Map<String, Value>) {
    // A text that is nothing but one place; what the server said before, it does not say again here.
    let is_hidden = |text: &str| text == "{{password}}" || text == "{{var.sasl}}";
    if element.get(TEXT).and_then(Value::as_str).is_some_and(is_hidden) {
        element.shift_remove(TEXT);
        element.insert(IN_BASE64.to_owned(), Value::from(CREDENTIALS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::dialect::{Codecs, Dialect, JsonNames, Label};
    use crate::template::Template;
    use crate::transcript::Payload;
    use serde_json::json;

    #[test]
    fn name_and_password_are_put_together_when_it_is_sent() {
        let names = JsonNames { codec: Codecs::both(Codec::XML), ..JsonNames::both("/#name") };
        let sent = |mut message: Value| {
            fill(&mut message);
            let lookup = &mut |name: &str| match name {
                "username" => Some(json!("ada")),
                "password" => Some(json!("secret")),
                _ => None,
            };
            let filled = Template::Json(message).fill(lookup).expect("all is known");
            let label = Label::from(">auth");
            match &filled.payloads(&Dialect::Json(names.clone()), &label).expect("it can be said")[..] {
                [Payload::Text(text)] => text.clone(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            sent(json!({"#name": "auth", "@mechanism": "PLAIN", "#text": "{{password}}"})),
            "<auth mechanism=\"PLAIN\">AGFkYQBzZWNyZXQ=</auth>"
        );
        let second = json!({"#name": "authenticate", "@mechanism": "PLAIN", "initial-response": {"#text": "{{password}}"}});
        assert_eq!(
            sent(second),
            "<authenticate mechanism=\"PLAIN\"><initial-response>AGFkYQBzZWNyZXQ=</initial-response></authenticate>"
        );
        // Another mechanism computes something else of them.
        assert_eq!(
            sent(json!({"#name": "auth", "@mechanism": "X-OAUTH2", "#text": "{{password}}"})),
            "<auth mechanism=\"X-OAUTH2\">secret</auth>"
        );
    }
}
