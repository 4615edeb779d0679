//! `goldwire init URL` asks the server, and writes a configuration whatever it answers.

use crate::support::{Project, Release};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// What the server's HTTP side answers to a JSON message.
fn post(address: &str, path: &str, json: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let length = json.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{json}"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

fn address(release: &Release) -> String {
    release.url().replace("ws://", "").replace("/ws", "")
}

#[test]
fn with_a_login_the_form_that_works_is_found_and_the_first_session_recorded() {
    let release = Release::start("");
    let (address, url) = (address(&release), release.url());
    let user = r#"{"email": "ada@example.test", "password": "pw-correct-horse", "name": "Ada"}"#;
    let answer = post(&address, "/auth/register", user);
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");

    let project = Project::new();
    let login = format!("http://{address}/auth/login");
    let arguments = [
        "init",
        &url,
        "--listen",
        "2s",
        "--login",
        &login,
        "--user",
        "ada@example.test",
        "--secret",
        "password",
    ];
    let said = project.run_with(&arguments, &[("password", "pw-correct-horse")]).exits(0);
    assert!(said.stdout.contains("heard 1 message: connected"), "{}", said.stdout);
    assert!(said.stdout.contains("next: goldwire record chat --secret password"), "{}", said.stdout);
    let config = project.read("goldwire.toml");
    assert!(
        config.contains("json = { email = \"{{user.name}}\", password = \"{{var.password}}\" }"),
        "{config}"
    );
    assert!(config.contains("\nauth = \"user\"") && config.contains("token = \"/access_token\""), "{config}");
    assert!(
        config.contains(&format!("# Messages of {url} when goldwire wrote this file: connected")),
        "{config}"
    );
    assert_eq!(project.files("recordings/first").len(), 1);
    assert!(!project.everything().contains("pw-correct-horse"), "the password was written");
    // What it wrote works: the same login, another session.
    let record = ["record", "again", "--duration", "200ms", "--secret", "password"];
    project.run_with(&record, &[("password", "pw-correct-horse")]).exits(0);

    let before = project.read("goldwire.toml");
    project.run(&["init", &url]).exits(2);
    assert_eq!(project.read("goldwire.toml"), before);
}

#[test]
fn a_login_that_is_refused_and_a_server_that_is_not_there_leave_a_configuration() {
    let release = Release::start("");
    let login = format!("http://{}/auth/login", address(&release));
    let project = Project::new();
    let arguments =
        ["init", &release.url(), "--login", &login, "--user", "nobody", "--secret", "password=wrong-pw"];
    let said = project.run(&arguments).exits(3);
    assert!(said.stderr.contains("/auth/login answered 4"), "{}", said.stderr);
    assert!(project.read("goldwire.toml").contains("# auth = \"user\""));

    let nobody = Project::new();
    let said = nobody.run(&["init", "ws://127.0.0.1:9/chat"]).exits(3);
    assert!(said.stdout.contains("wrote goldwire.toml"), "{}", said.stdout);
    assert!(said.stderr.contains("then goldwire record chat"), "{}", said.stderr);
    let config = nobody.read("goldwire.toml");
    assert!(
        config.contains("url = \"ws://127.0.0.1:9/chat\"")
            && config.contains("could not listen to the server"),
        "{config}"
    );
    nobody.run(&["check"]).exits(4);
}

#[test]
fn a_server_that_wants_a_login_is_told_from_one_that_is_not_there() {
    let release = Release::start("");
    let project = Project::new();
    let said = project.run(&["init", &release.url(), "--listen", "300ms"]).exits(3);
    assert!(said.stderr.contains("the server requires a login: fill in [auth.user]"), "{}", said.stderr);
    assert!(project.read("goldwire.toml").contains("\n# auth = \"user\""));
}
