//! `goldwire init`: a commented configuration and the folders.

use super::args::InitArgs;
use super::error::CliError;
use super::exit::Exit;
use std::io::Write;
use std::path::Path;

const TEMPLATE: &str = r#"goldwire = 1
default_target = "local"

[check]
users = 2                               # how many real users check at the same time

# [record]
# flush = "every frame"                 # how soon frames are on the disk; "100 ms" by default
# compress = true                       # finished recordings become .jsonl.zst

[target.local]
url = "URL"
# auth = "user"                         # how users log in: [auth.user] below
# headers = { Origin = "http://localhost" }
# subprotocols = ["chat.v2"]
# max_duration = "1 h"                  # limits: max_message, max_duration, max_rate

# Let goldwire start the build, wait until it is ready, and stop it after; {{port}} is a free one.
# [target.local.server]
# command = "./my-server --port {{port}}"
# ready = "http://127.0.0.1:{{port}}/health"

# Every user of every run is a real login. {{user.index}} counts from 1, {{nonce}} is new each time.
# [auth.user]
# kind = "login"                        # or "mint" (sign a JWT) or "token" (from the environment or a command)
# user = { email = "u{{user.index}}-{{nonce}}@example.test", password = "pw-{{nonce}}" }
# register = { url = "{{http}}/register", json = { email = "{{user.email}}", password = "{{user.password}}" } }
# login = { url = "{{http}}/login", json = { email = "{{user.email}}", password = "{{user.password}}" }, token = "/access_token" }
# place = "header"                      # or query, subprotocol, cookie, message

# Logins, tokens and cookies are hidden in every file anyway; this adds what else must not be written down.
# [redact]
# patterns = ["cust-[0-9]{6}"]          # regular expressions
# pointers = ["/user/email"]            # in every message that is JSON
# fields = ["otp_code"]                 # whatever stands under this name
"#;

pub(super) fn run(config: &Path, args: &InitArgs, out: &mut impl Write) -> Result<Exit, CliError> {
    if config.exists() {
        return Err(CliError::usage(format!("{} is there already", config.display()))
            .hint("edit it, or remove it first"));
    }
    let url = args.url.as_deref().unwrap_or("ws://127.0.0.1:8000/ws");
    if !["ws://", "wss://", "http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(CliError::usage(format!("`{url}` is not a URL that sessions can have"))
            .hint("it begins with ws:// or wss://, or with http:// or https:// for sessions over HTTP"));
    }
    let root = config.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for folder in ["recordings", "golden"] {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder)
            .map_err(|error| CliError::usage(format!("failed to create {}: {error}", folder.display())))?;
    }
    // Quotes in a URL would end the string; no such URL has any.
    let text = TEMPLATE.replace("URL", &url.replace(['"', '\\'], ""));
    std::fs::write(config, text)
        .map_err(|error| CliError::usage(format!("failed to write {}: {error}", config.display())))?;
    writeln!(out, "wrote {}", config.display())?;
    writeln!(out, "next: goldwire record SESSION --script FILE")?;
    Ok(Exit::Conforms)
}
