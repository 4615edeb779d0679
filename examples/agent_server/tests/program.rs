//! The program as others start it: who looks for its faults, and who waits until it listens.
//!
//! That it is tested as a program also makes `cargo test` build it with everything else, as goldwire's own tests start it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agent_server"));
    command.args(arguments).env_remove("AGENT_SERVER_REGRESS");
    command
}

#[test]
fn it_lists_its_faults_and_knows_no_others() {
    let listed = program(&["--list-regressions"]).output().expect("it runs");
    let listed = String::from_utf8(listed.stdout).expect("UTF-8");
    assert!(listed.lines().count() >= 26 && listed.starts_with("silent-agent\n"), "{listed}");
    let refused =
        program(&["--listen", "127.0.0.1:0", "--regress", "quiet-agent"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("there are: silent-agent, "), "{said}");
}

/// Ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_says_where_it_listens_when_it_does() {
    let mut server = program(&["--listen", "127.0.0.1:0"]);
    let server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut server = Running(server.expect("it runs"));
    let mut line = String::new();
    let stdout = server.0.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
}
