//! Protocol Buffers with a descriptor file: the file, and the message type of each side.

use super::{Dialect, JsonNames};
use crate::codec::{Schema, SchemaError};
use crate::transcript::Side;

/// A descriptor set and the message types of both sides. Until the file is read, messages are bytes.
#[derive(Debug, Clone)]
pub struct Described {
    /// The path of the file in the golden.
    pub file: String,
    /// The full name of the client's messages.
    pub client: String,
    /// The full name of the server's messages.
    pub server: String,
    /// The message types in the file, after it was read.
    schemas: Option<[Schema; 2]>,
}

/// Two are the same that a golden would write so.
impl PartialEq for Described {
    fn eq(&self, other: &Described) -> bool {
        (&self.file, &self.client, &self.server) == (&other.file, &other.client, &other.server)
    }
}

impl Eq for Described {}

impl Described {
    /// The descriptor as in a golden.
    pub fn new(file: &str, client: &str, server: &str) -> Described {
        let [file, client, server] = [file, client, server].map(str::to_owned);
        Described { file, client, server, schemas: None }
    }

    /// The message type of a side.
    pub(super) fn of(&self, side: Side) -> Option<&Schema> {
        let [client, server] = self.schemas.as_ref()?;
        Some(if side == Side::Client { client } else { server })
    }
}

impl Dialect {
    fn described(&mut self) -> Option<&mut Described> {
        match self {
            Dialect::Json(JsonNames { described, .. }) => described.as_mut(),
            Dialect::Protocol(_) | Dialect::Sse(_) => None,
        }
    }

    /// The path of the descriptor file if it has not been read yet.
    pub fn descriptor(&self) -> Option<&str> {
        match self {
            Dialect::Json(JsonNames { described: Some(own), .. }) if own.schemas.is_none() => Some(&own.file),
            Dialect::Json(_) | Dialect::Protocol(_) | Dialect::Sse(_) => None,
        }
    }

    /// Reads the contents of the descriptor file, a `google.protobuf.FileDescriptorSet`.
    ///
    /// # Errors
    /// If the file cannot be read, or does not have the messages.
    pub fn describe(&mut self, set: &[u8]) -> Result<(), SchemaError> {
        let Some(own) = self.described() else { return Ok(()) };
        own.schemas = Some([Schema::of(set, &own.client)?, Schema::of(set, &own.server)?]);
        Ok(())
    }

    /// Takes what another dialect has read already, where it is the same file.
    pub(crate) fn describe_as(&mut self, other: &Dialect) {
        if let (Some(own), Dialect::Json(JsonNames { described: Some(other), .. })) =
            (self.described(), other)
            && own == other
        {
            own.schemas.clone_from(&other.schemas);
        }
    }
}
