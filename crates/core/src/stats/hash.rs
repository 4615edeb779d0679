//! A fast hash for maps and for values that are only compared. It is the same in every run and is never stored in a
//! file.

use serde_json::Value;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher};

/// A fast hash that is the same in every run: words of eight bytes, each multiplied into the state. Among a million
/// values, a collision of 64 bits occurs once in forty million sessions, unless the values were chosen to collide.
#[derive(Debug, Clone, Copy)]
pub struct FoldHasher(u64);

/// A map with that hash.
pub type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FoldHasher>>;

/// The quick hash of a value.
pub fn quick_hash(value: &(impl Hash + ?Sized)) -> u64 {
    BuildHasherDefault::<FoldHasher>::default().hash_one(value)
}

/// A JSON value that can be hashed.
pub struct JsonHash<'v>(pub &'v Value);

impl Hash for JsonHash<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self.0 {
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                hasher.write(key.as_bytes());
                JsonHash(value).hash(hasher);
            }),
            Value::Array(items) => items.iter().for_each(|item| JsonHash(item).hash(hasher)),
            Value::String(text) => hasher.write(text.as_bytes()),
            Value::Number(number) => number.hash(hasher),
            Value::Bool(truth) => truth.hash(hasher),
            Value::Null => hasher.write_u8(2),
        }
    }
}

impl Default for FoldHasher {
    fn default() -> FoldHasher {
        FoldHasher(0x243f_6a88_85a3_08d3)
    }
}

impl FoldHasher {
    fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let (low, high) = (product as u64, (product >> 64) as u64);
        // The word itself is added so that a product of zero does not lose the previous state.
        self.0 = low ^ high ^ word.rotate_left(32);
    }
}

impl Hasher for FoldHasher {
    /// Words of eight bytes. The last one may take some bytes a second time; it holds the length, too, so that texts
    /// one after the other need nothing between them.
    fn write(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let last = match (bytes.last_chunk(), bytes.first_chunk(), bytes.last_chunk()) {
            (Some(last), ..) => {
                let (words, _) = bytes[..bytes.len() - 1].as_chunks();
                words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
                u64::from_le_bytes(*last)
            }
            (None, Some(first), Some(last)) => {
                u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
            }
            _ => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        self.word(last ^ length);
    }

    fn write_u8(&mut self, byte: u8) {
        self.word(byte.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.word(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.word(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.word(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_tells_values_apart() {
        assert!(
            quick_hash("\0") != quick_hash("")
                && quick_hash("ab") != quick_hash("ba")
                && quick_hash("\0\0") != quick_hash("\0")
        );
    }
}
