//! The command line, as it was typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::regress;

/// A small agent backend: login, WebSocket, an agent with real tools.
///
/// The HS256 secret is read from AGENT_SERVER_JWT_SECRET; without it a random one is made for this start.
#[derive(Debug, Parser)]
#[command(name = "agent_server", version)]
pub(crate) struct Args {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// SQLite file for users and conversations [default: in memory]
    #[arg(long, value_name = "PATH")]
    pub(crate) db: Option<PathBuf>,

    /// An HTML file that is served at /
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,

    /// How tokens are signed; RS256 and ES256 need --key
    #[arg(long, value_enum, value_name = "ALG", default_value = "HS256")]
    pub(crate) algorithm: Signing,

    /// Private key in PEM (PKCS#8), for RS256 and ES256
    #[arg(long, value_name = "PEM")]
    pub(crate) key: Option<PathBuf>,

    /// Public half of --key in PEM, as others get it; only the regression alg-confusion reads it
    #[arg(long, value_name = "PEM")]
    pub(crate) public_key: Option<PathBuf>,

    /// Seconds an access token lives
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub(crate) access_ttl: u32,

    /// Seconds a refresh token lives
    #[arg(long, value_name = "SECONDS", default_value_t = 14 * 24 * 3600)]
    pub(crate) refresh_ttl: u32,

    /// How a socket without a good token is turned away: a 401 before the upgrade, an upgrade and close 4401, or an
    /// upgrade, a message that says so, and close 1000
    #[arg(long, value_enum, value_name = "HOW", default_value = "http")]
    pub(crate) refuse: Refuse,

    /// Switch on one regression; empty is none
    #[arg(
        long,
        env = "AGENT_SERVER_REGRESS",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) regress: regress::Choice,

    /// Print the names of the regressions and stop
    #[arg(long)]
    pub(crate) list_regressions: bool,
}

/// The three ways tokens can be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Signing {
    #[value(name = "HS256")]
    Hs256,
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "ES256")]
    Es256,
}

/// The ways a socket is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Refuse {
    Http,
    Close,
    Message,
}
