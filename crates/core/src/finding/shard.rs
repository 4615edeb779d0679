//! A part of a check that is distributed to several jobs.

use std::fmt;

/// Part `index` of `of`, counted from 1: `2/3`.
///
/// A shard has the sessions at certain places among all sorted names. So every job gets the same sessions each time,
/// and each session belongs to exactly one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// A shard from the numbers of a report or a command line.
    pub fn new(index: u32, of: u32) -> Option<Shard> {
        (1..=of).contains(&index).then_some(Shard { index, of })
    }

    /// Parses `2/3`.
    pub fn parse(text: &str) -> Option<Shard> {
        let (index, of) = text.split_once('/')?;
        Shard::new(index.trim().parse().ok()?, of.trim().parse().ok()?)
    }

    /// The index, counted from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// The number of shards.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether the session at this place among all, counted from 0, belongs to the shard.
    pub fn owns(self, place: usize) -> bool {
        place % self.of as usize == self.index as usize - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// The part of a whole that a job was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The shard.
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
