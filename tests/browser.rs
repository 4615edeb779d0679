//! A real browser through the proxy: headless Chromium logs in on a page, opens its socket, asks and shows the answer;
//! what the proxy recorded is learned, and the server conforms to it when goldwire drives it alone. And the pages that
//! goldwire writes, looked at (`report`).
//!
//! Chromium is told what to do over its own DevTools protocol. `GOLDWIRE_CHROMIUM` names it where it is not called
//! `chromium`.

#[path = "it/cargo.rs"]
mod cargo;
#[path = "browser/page.rs"]
mod page;
#[path = "it/proxied.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod proxied;
#[path = "browser/report.rs"]
mod report;
#[path = "it/support.rs"]
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
mod support;

use page::Page;
use proxied::Proxied;
use serde_json::json;
use std::path::Path;
use support::{Project, Release};

/// How often the page is opened: enough for bounds of time.
const VISITS: usize = 6;

#[test]
fn what_a_browser_did_through_the_proxy_is_learned_and_driven_again() {
    let page = Path::new("tests/browser/index.html").canonicalize().expect("the page");
    let server = Release::with("", &["--page", page.to_str().expect("UTF-8")]);
    let project = Project::with_server(&[]);
    let config = project.read("goldwire.toml");
    let login = &config[config.find("[auth.user]").expect("our own login")..];
    let target = format!("[target.local]\nurl = \"{}\"\nauth = \"user\"\n", server.url());
    project.write("goldwire.toml", &format!("goldwire = 1\n[check]\nusers = 3\n\n{target}\n{login}"));

    let mut proxied = Proxied::start(&project, "page", &server.url(), &[]);
    let url = format!("http://{}/", proxied.address());
    let mut browser = Page::open();
    for visit in 1..=VISITS {
        browser.visit(&url);
        assert_eq!(browser.evaluate("done"), 1000, "{}", browser.evaluate("document.body.innerText"));
        let answer = browser.evaluate("document.getElementById('answer').textContent");
        assert!(answer.as_str().is_some_and(|answer| answer.contains("238")), "{answer}");
        let recording = proxied.recording(&project);
        assert_eq!(recording[0]["user"], format!("u{visit}"), "each visit logs in as somebody new");
        let request = &recording[0]["handshake"]["request"];
        assert!(request["User-Agent"].as_str().is_some_and(|agent| agent.contains("Chrome")), "{request}");
        let origin = server.url().replace("ws://", "http://").replace("/ws", "");
        assert_eq!(request["Origin"], origin, "the server sees its own origin");
        assert!(
            recording[0]["url"].as_str().is_some_and(|url| url.ends_with("/ws?token={{secret:token#1}}"))
        );
        assert_eq!(recording.last().expect("a line")["end"], json!({ "by": "client", "code": 1000 }));
    }
    drop(browser);
    let said = proxied.stop().exits(0);
    let all = project.everything() + &said.stdout + &said.stderr;
    assert!(!all.contains("eyJ"), "a token was written");

    project.run(&["learn", "page", "--accept", "what the page does"]).exits(0);
    let golden = project.read("golden/page.toml");
    assert!(
        golden.contains("thread = \"{{thread_id}}\"") && golden.contains("ends = \"client 1000\""),
        "{golden}"
    );
    project.run(&["check", "page"]).conforms("page");
}
