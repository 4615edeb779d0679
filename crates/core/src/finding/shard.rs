//! A part of a check that several jobs share.

use std::fmt;

/// The `index`-th of so many parts, counted from 1: `2/3`.
///
/// What is shared is sessions, by their place among all the names in order, so that every job takes the same ones
/// whenever it asks, and none is taken twice or by nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// Of numbers from a report or a command line.
    pub fn new(index: u32, of: u32) -> Option<Shard> {
        (1..=of).contains(&index).then_some(Shard { index, of })
    }

    /// Reads `2/3`.
    pub fn parse(text: &str) -> Option<Shard> {
        let (index, of) = text.split_once('/')?;
        Shard::new(index.trim().parse().ok()?, of.trim().parse().ok()?)
    }

    /// Which one, counted from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether what stands at this place of all, counted from 0, belongs to it.
    pub fn owns(self, place: usize) -> bool {
        place % self.of as usize == self.index as usize - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// What a job was given of a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which shard.
    pub shard: Shard,
    /// The names of all sessions of the whole, in order.
    pub whole: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_shard_is_one_of_so_many() {
        assert_eq!(Shard::parse("2/3").map(|shard| shard.to_string()).as_deref(), Some("2/3"));
        for text in ["0/3", "4/3", "1/0", "2", "a/b", "-1/2", "1/2/3"] {
            assert_eq!(Shard::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn everything_belongs_to_exactly_one_shard(of in 1u32..9, place in 0usize..99) {
            let owners = (1..=of).filter_map(|index| Shard::new(index, of)).filter(|shard| shard.owns(place));
            prop_assert_eq!(owners.count(), 1);
        }
    }
}
