//! Tests of the file above.

use super::*;
use crate::dialect::Label;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn formats_are_told_from_words() {
    let of = |text: &str| Format::of(text).map(|format| format.to_string());
    assert_eq!(of("3f2504e0-4f89-41d3-9a0c-0305e82c3301").as_deref(), Some("uuid"));
    assert_eq!(of("2026-11-22T12:00:00.123456Z").as_deref(), Some("timestamp"));
    assert_eq!(of("run_8k2m4x9q0z").as_deref(), Some("id(run_ 10)"));
    assert_eq!(of("deadbeef00").as_deref(), Some("hex(10)"));
    assert_eq!(of("search_corpus"), None);
    assert_eq!(of("connection_established"), None);
    assert_eq!(of("The moon is far."), None);
    assert_eq!(of("bedded"), None);
}

#[test]
fn a_rule_says_what_is_wrong_with_it() {
    assert_eq!(
        parse_rule("integer, twice").expect_err("no fact").split(':').next(),
        Some("`twice` is not a fact")
    );
    assert!(parse_rule("int").expect_err("no type").contains("`int` is not a type"));
    assert!(parse_rule("= nope").expect_err("no JSON").contains("not a JSON value"));
}

fn label() -> impl Strategy<Value = Label> {
    prop_oneof![Just("token"), Just(">ask"), Just("tools/call"), Just(">odd \" name")].prop_map(Label::from)
}

fn rule() -> impl Strategy<Value = Rule> {
    let types = prop_oneof![
        Just(Type::Null),
        Just(Type::Integer),
        Just(Type::Text),
        Just(Type::Map),
        Just(Type::Format(Format::Uuid)),
        Just(Type::Format(Format::EpochMillis)),
        Just(Type::Format(Format::Id("run_".to_owned(), 20))),
        Just(Type::Literal(json!("a | b, \"c\" (3)"))),
        Just(Type::Literal(json!(true))),
    ];
    let source = || {
        (label(), prop_oneof![Just("/a"), Just("/a/*/b")])
            .prop_map(|(label, path)| Source { label, path: path.to_owned() })
    };
    let fact = prop_oneof![
        source().prop_map(Fact::SameAs),
        source().prop_map(Fact::EchoOf),
        source().prop_map(Fact::Joins),
        source().prop_map(|of| Fact::Gathers(Whole {
            of,
            by: "/messageId".to_owned(),
            own: "/messages/*/id".to_owned()
        })),
        label().prop_map(Fact::Counts),
        proptest::option::of(-3..9i64).prop_map(|from| Fact::Counter { from }),
        Just(Fact::Constant),
        Just(Fact::Unique),
        prop_oneof![
            Just(Goal::Total("/params/total".to_owned())),
            "[a-b ,|\"()]{0,3}".prop_map(|text| Goal::Value(Value::from(text).to_string())),
            Just(Goal::Value("0.25".to_owned())),
            Just(Goal::Any),
        ]
        .prop_map(Fact::Reaches),
        Just(Fact::Grows { per: None }),
        Just(Fact::Grows { per: Some("/arg/instId".to_owned()) }),
        (0i64..2, any::<bool>(), proptest::option::of(Just("/arg/instId".to_owned()))).prop_map(
            |(plus, any, per)| Fact::Follows(Chain { path: "/data/*/seq".to_owned(), plus, any, per })
        ),
    ];
    let when = ("[a-b =,\"]{1,3}", proptest::collection::vec("[a-b or,\"=]{0,5}", 1..3))
        .prop_map(|(key, values)| When { key, values: values.into_iter().map(Value::from).collect() });
    (
        proptest::collection::vec(types, 0..3),
        proptest::collection::vec(fact, 0..3),
        proptest::option::of(when),
        proptest::option::of(0u32..99),
    )
        .prop_map(|(types, facts, when, samples)| Rule { types, facts, when, samples })
}

#[test]
fn any_key_has_its_place_in_a_path() {
    for key in ["*", "x?", "?", "a~2", "~3", "a/b", "a?b", "**", "~"] {
        let pattern = path_step("perm") + &path_step(key);
        let path = Path::parse(&pattern).expect("a path");
        assert!(!path.optional, "{pattern}");
        assert_eq!(path_keys(&pattern).collect::<Vec<_>>(), [Some("perm".to_owned()), Some(key.to_owned())]);
    }
    assert_eq!(path_keys("/hits/*/score").nth(1), Some(None));
}

#[test]
fn a_fact_that_a_golden_cannot_say_is_left_out() {
    let at = |path: &str| Source { label: Label::from("message"), path: path.to_owned() };
    let facts = ["/text", "/a,b", "/a b", "/a\"b", "/a|b"].map(|path| Fact::Joins(at(path)));
    let mut rule = Rule { facts: facts.to_vec(), ..Rule::default() };
    rule.keep_what_can_be_said();
    let said = rule.to_string();
    assert!(rule.facts.contains(&facts[0]) && !rule.facts.contains(&facts[1]), "{said}");
    assert_eq!(
        parse_rule(&format!("string, {}", said.trim_start_matches("anything, "))).map(|read| read.facts),
        Ok(rule.facts)
    );
}

proptest! {
    #[test]
    fn parsing_a_rule_undoes_printing_it(rule in rule()) {
        prop_assert_eq!(parse_rule(&rule.to_string()), Ok(rule));
    }
}
