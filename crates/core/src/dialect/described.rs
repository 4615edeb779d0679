//! Protocol Buffers whose description is in a file: which one, and which of its messages each side says.

use super::{Dialect, JsonNames};
use crate::codec::{Schema, SchemaError};
use crate::transcript::Side;

/// A set of descriptors, and what of it each side says. Until the file was read, its messages are bytes.
#[derive(Debug, Clone)]
pub struct Described {
    /// The file, as the golden names it.
    pub file: String,
    /// The full name of the client's messages.
    pub client: String,
    /// The full name of the server's messages.
    pub server: String,
    /// What the file says of them, once it was read.
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
    /// As a golden says it.
    pub fn new(file: &str, client: &str, server: &str) -> Described {
        let [file, client, server] = [file, client, server].map(str::to_owned);
        Described { file, client, server, schemas: None }
    }

    /// What is known of a side's messages.
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

    /// The file of descriptors that a golden names and that was not read yet.
    pub fn descriptor(&self) -> Option<&str> {
        match self {
            Dialect::Json(JsonNames { described: Some(own), .. }) if own.schemas.is_none() => Some(&own.file),
            Dialect::Json(_) | Dialect::Protocol(_) | Dialect::Sse(_) => None,
        }
    }

    /// Takes what the file of descriptors says, a `google.protobuf.FileDescriptorSet`.
    ///
    /// # Errors
    /// When it cannot be read, or does not describe the messages.
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
