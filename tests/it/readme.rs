//! The README's library example compiles and runs; its prose is checked by `tests/e2e.rs`, command by command.

use goldwire::{check::check, golden, learn::learn, transcript};

fn judge(golden_text: &str, seen_text: &str, recording: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut golden = golden::read("golden/chat.toml", golden_text)?;
    golden.attach(&golden::Seen::read(seen_text)?.evidence);
    let transcript = transcript::read(recording)?;
    for finding in check(&golden, &transcript).findings {
        println!("{}: {}", finding.kind.name(), finding.message);
    }
    let proposal = learn(&[transcript], Some(&golden))?;
    println!("{}", golden::write(&proposal.golden));
    Ok(())
}

#[test]
fn the_example_of_the_readme_is_this_one_and_runs() {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = std::fs::read_to_string("README.md").expect("the README");
    let example =
        readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    assert!(squeeze(include_str!("readme.rs")).contains(&squeeze(example)), "the README shows other code");

    let golden = std::fs::read_to_string("golden/agent-run.toml").expect("a golden");
    let recording =
        std::fs::read_dir("recordings/agent-run").expect("recordings").next().expect("one").expect("it");
    let seen = std::fs::read_to_string("golden/agent-run.seen").expect("what is known of it");
    judge(&golden, &seen, &std::fs::read(recording.path()).expect("a recording")).expect("both are ours");
}
