//! When there is nothing to judge: a clear message within its deadline, exit 3, never a hang and never a pass.

use crate::rude::{PEERS, Peer, rude};
use crate::support::{HANG, Project, Running, nobody, server, signal};
use rustix::process::Signal;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

const GOLDEN: &str = "goldwire = 1\norder = \"connected ; >ask ; agent_completed\"\nwait = \"2 s\"\n\
                      [event.ask]\nsend = { type = \"ask\", text = \"How far is the moon in miles?\" }\n";

/// Where a connection will not stand, it is not waited for longer than this.
const SOON: &str = "connect_timeout = \"1 s\"\n";

/// A project with a golden and a target at `port`.
fn project(port: u16, rest: &str) -> Project {
    let project = Project::new();
    let target = format!("url = \"ws://127.0.0.1:{port}/ws\"");
    project.write("goldwire.toml", &format!("goldwire = 1\n[target.local]\n{target}\n{rest}"));
    project.write("golden/chat.toml", GOLDEN);
    project
}

fn could_not_judge(project: &Project, parts: &[&str]) {
    let said = project.run(&["check"]).exits(3);
    let all = said.stdout + &said.stderr;
    for part in parts {
        assert!(all.contains(part), "{part:?} is missing from\n{all}");
    }
    assert!(!all.contains("CONFORMS"));
}

#[test]
fn nobody_listens() {
    let (_socket, address) = nobody();
    let project = project(address.port(), "");
    let refused = format!("connection refused by {address}");
    could_not_judge(&project, &["chat  COULD NOT JUDGE", &refused, "hint:"]);
}

#[test]
fn somebody_listens_and_never_answers() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let project = project(listener.local_addr().expect("an address").port(), SOON);
    could_not_judge(&project, &["COULD NOT JUDGE", "timeout after 1 s"]);
}

#[test]
fn a_login_is_refused_and_no_password_is_shown() {
    let project = Project::with_server(&[]);
    let config = project.read("goldwire.toml");
    // The register step makes the user with one password, the login tries another.
    let config = config.replace("\n[auth.user.login]", "\n[auth.user.login]\nheaders = { X = \"y\" }").replacen(
        "url = \"{{http}}/auth/login\"\njson = { email = \"{{user.email}}\", password = \"{{user.password}}\" }",
        "url = \"{{http}}/auth/login\"\njson = { email = \"{{user.email}}\", password = \"{{user.password}}-wrong\" }",
        1,
    );
    project.write("goldwire.toml", &config);
    project.write("golden/chat.toml", GOLDEN);
    could_not_judge(&project, &["COULD NOT JUDGE", "login", "401", "invalid credentials"]);
    // Passwords begin with `pw-`; only the recipe, with its template, may say so.
    let all = project.everything();
    assert_eq!(all.matches("pw-").count(), all.matches("pw-{{nonce}}").count());
}

#[test]
fn a_page_of_before_does_not_stand_for_a_check_that_found_nothing() {
    let project = project(1, "");
    project.write("out/index.html", "all was well");
    project.run(&["check", "--report-html", "out"]).exits(3);
    let page = project.read("out/index.html");
    assert!(page.contains("\"verdict\":\"could not judge\"") && page.contains("\"cause\":"), "why is said");
    // Nor for one that did not get as far as a run.
    project.write("out/index.html", "all was well");
    project.run(&["check", "nothing-of-this-name", "--report-html", "out"]).exits(4);
    let page = project.read("out/index.html");
    assert!(page.contains("\"verdict\":\"could not judge\"") && page.contains("has not ended"), "{page}");
}

#[test]
fn a_token_is_refused() {
    let project = Project::with_server(&[]);
    let config = project.read("goldwire.toml");
    let start = config.find("[auth.user]").expect("a login");
    let config = format!("{}[auth.user]\nkind = \"token\"\nenv = \"CHAT_TOKEN\"\n", &config[..start]);
    project.write("goldwire.toml", &config);
    project.write("golden/chat.toml", GOLDEN);
    let said = project.run_with(&["check"], &[("CHAT_TOKEN", "not-a-token-at-all")]).exits(3);
    assert!(said.stdout.contains("refused the upgrade with HTTP 401"), "{}", said.stdout);
    assert!(!(said.stdout + &said.stderr).contains("not-a-token-at-all"));
    let said = project.run(&["check"]).exits(3);
    assert!(said.stdout.contains("CHAT_TOKEN"), "{}", said.stdout);
}

#[test]
fn a_server_never_becomes_ready_or_ends_before() {
    let (_socket, address) = nobody();
    let server = |command: &str, rest: &str| {
        let port = address.port();
        project(
            port,
            &format!(
                "[target.local.server]\ncommand = [{command}]\nready = \"http://127.0.0.1:{port}/\"\n{rest}"
            ),
        )
    };
    let never = server("\"sh\", \"-c\", \"echo warming up; exec sleep 60\"", "ready_timeout = \"1 s\"\n");
    could_not_judge(&never, &["1 s", "warming up"]);
    let gone = server("\"sh\", \"-c\", \"echo no database; exit 7\"", "");
    could_not_judge(&gone, &["7", "no database"]);
    let absent = server("\"./no-such-server\"", "");
    could_not_judge(&absent, &["no-such-server"]);
}

#[test]
fn a_port_that_somebody_took_before_the_server_did_is_not_insisted_on() {
    let project = Project::with_server(&[]);
    // The build that goes before the server leaves somebody behind at the port, the first time.
    let occupy = format!(
        "test -e pid || {{ {} --listen 127.0.0.1:{{{{port}}}} >occupied & echo $! >pid; \
         until grep --quiet listening occupied; do sleep 0.01; done; }}",
        server().display()
    );
    let config = project.read("goldwire.toml");
    let build = format!("[target.local.server]\nbuild = [\"sh\", \"-c\", {occupy:?}]\n");
    project.write("goldwire.toml", &config.replace("[target.local.server]\n", &build));
    let said = project.run(&["record", "agent-run", "--script", "agent-run.toml", "--users", "1"]);
    signal(project.read("pid").trim().parse().expect("an id"), Signal::KILL);
    let said = said.exits(0);
    assert!(said.stderr.contains("another program took port"), "{}", said.stderr);
}

#[test]
fn whatever_a_server_does_instead_of_serving_a_check_ends_in_time_and_does_not_pass() {
    // They wait for each other's deadlines, not for a processor.
    std::thread::scope(|scope| {
        let asked = PEERS.map(|peer| scope.spawn(move || ends_in_time(peer)));
        asked.into_iter().for_each(|one| one.join().expect("judged"));
    });
}

fn ends_in_time((name, listen, then): Peer) {
    let project = project(listen(then), SOON);
    let said = project.run(&["check", "--confirm", "1"]);
    let text = format!("{name}: exit {}\n{}{}", said.code, said.stdout, said.stderr);
    // Without recordings behind the golden nothing fails for sure.
    let is_judged = said.code == 0 && said.stdout.contains("DRIFT");
    let is_unjudged = said.code == 3 && said.stdout.contains("COULD NOT JUDGE");
    assert!((is_judged || is_unjudged) && !said.stdout.contains("CONFORMS"), "{text}");
}

#[test]
fn a_server_that_goes_silent_floods_or_sends_rubbish_is_judged_within_the_deadline() {
    let says = |then: fn(TcpStream), code: i32, part: &str| {
        let project = project(rude(then), "");
        let said = project.run(&["check", "--confirm", "1"]).exits(code);
        assert!(said.stdout.contains(part), "{part:?} is missing from\n{}", said.stdout);
    };
    let hold = |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 1024]);
    };
    // Without recordings behind the golden nothing can fail for sure, but nothing may pass either.
    says(hold, 0, "DRIFT");
    says(drop, 0, "the session ended with dropped 1006");
    says(
        |mut stream| {
            let _ = stream.write_all(&[0xff; 64]);
            let _ = stream.read(&mut [0; 1024]);
        },
        0,
        "dropped 1006",
    );
    says(
        |mut stream| {
            // Text frames "{}" for ever, until nobody reads them.
            while stream.write_all(&[0x81, 2, b'{', b'}'].repeat(512)).is_ok() {}
        },
        0,
        "connected is missing",
    );
}

#[test]
fn a_server_that_dies_while_sessions_run_could_not_be_judged() {
    let project = Project::with_server(&[]);
    // The golden waits for an event that never comes, so that the session is under way when the server dies.
    let waiting = GOLDEN.replace("agent_completed", "never").replace("2 s", "30 s");
    project.write("golden/chat.toml", &waiting);
    let mut child = Running(
        project
            .command(&["check"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("goldwire runs"),
    );
    let pid = wait_for(|| server_of(child.0.id()));
    wait_for(|| (project.files("target/goldwire/chat").len() == 3).then_some(()));
    signal(pid, Signal::KILL);
    let mut text = String::new();
    let _ = child.0.stdout.take().expect("a pipe").read_to_string(&mut text);
    let status = child.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(3), "{text}");
    assert!(text.contains("the server ended"), "{text}");
}

#[test]
fn ctrl_c_keeps_what_was_recorded_and_leaves_no_server_behind() {
    let project = Project::with_server(&[]);
    project.write("chat.toml", &GOLDEN.replace("agent_completed", "never").replace("2 s", "30 s"));
    let mut child = Running(
        project
            .command(&["record", "chat", "--script", "chat.toml", "--users", "2"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("goldwire runs"),
    );
    let server = wait_for(|| server_of(child.0.id()));
    // The answer has been streamed once its last event stands in both files.
    wait_for(|| {
        let files = project.files("recordings/chat");
        let done = |path: &std::path::PathBuf| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains("agent_completed"))
        };
        (files.len() == 2 && files.iter().all(done)).then_some(())
    });
    signal(child.0.id(), Signal::INT);
    assert_eq!(child.0.wait().expect("it ends").code(), Some(130));
    for file in project.files("recordings/chat") {
        let text = std::fs::read_to_string(&file).expect("a recording");
        assert!(text.lines().last().expect("a line").contains("\"end\":{\"by\":\"interrupt\"}"), "{text}");
        let said = project.run(&["show", &file.display().to_string()]).exits(0);
        assert!(
            said.stdout.contains("agent_completed") && said.stdout.contains("interrupted"),
            "{}",
            said.stdout
        );
    }
    wait_for(|| (!std::path::Path::new(&format!("/proc/{server}")).exists()).then_some(()));
}

#[cfg(target_os = "linux")]
#[test]
fn kill_9_of_goldwire_leaves_no_server_behind() {
    let project = Project::with_server(&[]);
    let mut command = project.command(&["record", "chat", "--stdin"]);
    // Its stdin stays open, so that the session would go on.
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Running(command.spawn().expect("goldwire runs"));
    let server = wait_for(|| server_of(child.0.id()));
    wait_for(|| (!project.files("recordings/chat").is_empty()).then_some(()));
    signal(child.0.id(), Signal::KILL);
    child.0.wait().expect("it ends");
    // Nobody waits for it any more: what is left of it may be a zombie, which serves nobody.
    wait_for(|| {
        let stat = std::fs::read_to_string(format!("/proc/{server}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

/// Looks until there is something to see; the wait is for an event, and its limit is that of a hanging test.
fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < HANG, "waited in vain");
        // What is looked for needs a processor too.
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The example server that a goldwire process has started.
fn server_of(parent: u32) -> Option<u32> {
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, rest) = stat.rsplit_once(')')?;
        let parent_of: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        (name.ends_with("agent_server") && parent_of == parent).then_some(pid)
    })
}
