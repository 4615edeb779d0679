//! One connection to a server, as a client: a WebSocket, or a session of HTTP requests.
//!
//! [`connect`] opens one WebSocket, [`open_http`] a session of HTTP requests, and notes what a made-up server would have to
//! make up: address, TLS, headers, times. Its [`Connection`] has a [`Sender`], and [`Arriving`] gives the frames that come,
//! stamped on arrival; nothing is dropped. What a frame means and whether it should have come is not known here.

pub(crate) mod buffer_pool;
mod chunks;
mod client;
mod dial;
mod duplex;
mod error;
mod frames;
mod http;
mod reader;
mod socket;
mod stamps;
mod tls_records;
mod upgrade;

pub(crate) use chunks::Body;
pub use client::{Connection, Sender, connect, open_http};
pub use dial::ConnectOptions;
pub(crate) use dial::{Line, Place, joined, reach};
pub use error::{ConnectError, SendError, Stage};
pub use reader::{Arrived, Arriving, Incoming};
pub(crate) use reader::{Item, What};
pub(crate) use socket::Socket;
pub(crate) use stamps::{Newest, Stamped, begin as begin_stamping, wall};
