//! Plays the client's side of a golden: the caller passes the time and gets the next action.
//!
//! A [`Session`] owns no socket and no clock. It is told every frame that passed and asked for a [`Turn`]; a turn says
//! everything there is to do next, so that no caller can forget to ask. A client's event is sent when the order allows
//! it and its cause has been seen: causality, not the clock. By hand, a person's lines take the place of the script.
//! [`Bounds`] may end it before either does. `goldwire_runner::driver` is the loop around it.

mod bounds;
mod frames;
mod interactive;
mod sends;
mod session;
mod steps;
#[cfg(test)]
mod tests;
mod turn;

pub use bounds::Bounds;
pub use interactive::LineError;
pub use sends::unbound;
pub use session::Session;
pub use turn::{Action, Turn};
