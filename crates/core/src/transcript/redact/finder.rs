//! Finds any of many byte strings in a text, at the speed of memory if there are none.
//!
//! Thousands of secrets are learned one by one while sessions run, so an automaton would have to be rebuilt for each.
//! Here every string is represented by a few windows of four bytes at its end. Only every `stride`-th window of a
//! text is looked up, and one bit says whether any string has it. Adding a string takes time linear in its length.
//!
//! A string of `stride + 3` bytes or more contains, at any position, exactly one inspected window among its last
//! `stride` ones. The end is used and not the beginning, because tokens begin alike.

use std::collections::HashMap;

/// Bytes in a window.
const WINDOW: usize = 4;
/// Bits for each window known; a window that nobody knows is mistaken for one in a sixteenth of the cases.
const BITS: usize = 16;

/// The position of a known string in bytes, `start..end`, and its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) which: usize,
}

/// Strings of at least `stride + 3` bytes.
#[derive(Debug)]
pub(super) struct Finder {
    stride: usize,
    bits: Vec<u64>,
    shift: u32,
    /// The strings with a window, and the distance of their beginning before it.
    windows: HashMap<u32, Vec<(usize, usize)>>,
    known: usize,
    strings: Vec<Box<[u8]>>,
    /// The caller's numbers of the strings.
    names: Vec<usize>,
}

impl Finder {
    pub(super) fn new(stride: usize) -> Finder {
        let mut finder = Finder {
            stride: stride.max(1),
            bits: Vec::new(),
            shift: 0,
            windows: HashMap::new(),
            known: 0,
            strings: Vec::new(),
            names: Vec::new(),
        };
        finder.resize(1 << 13);
        finder
    }

    /// Whether a string is long enough for the stride.
    pub(super) fn takes(&self, string: &[u8]) -> bool {
        string.len() >= self.stride + WINDOW - 1
    }

    /// Adds a string under the caller's number; one that is too short for the stride is not added.
    pub(super) fn add(&mut self, string: &[u8], which: usize) {
        if !self.takes(string) {
            return;
        }
        let own = self.strings.len();
        for back in 0..self.stride {
            let offset = string.len() - WINDOW - back;
            let window = window(&string[offset..]);
            self.windows.entry(window).or_default().push((own, offset));
            self.known += 1;
            self.mark(window);
        }
        self.strings.push(string.into());
        self.names.push(which);
        if self.known * BITS > self.bits.len() * 64 {
            self.resize(self.bits.len() * 64 * 4);
        }
    }

    fn resize(&mut self, bits: usize) {
        self.shift = 32 - bits.trailing_zeros();
        self.bits = vec![0; bits / 64];
        let windows: Vec<u32> = self.windows.keys().copied().collect();
        windows.into_iter().for_each(|window| self.mark(window));
    }

    fn bit(&self, window: u32) -> usize {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the window.
        (window.wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }

    fn mark(&mut self, window: u32) {
        let bit = self.bit(window);
        self.bits[bit / 64] |= 1 << (bit % 64);
    }

    /// Every place of every string, overlapping ones too, by the place of their windows.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Found>) {
        if self.strings.is_empty() {
            return;
        }
        for (index, piece) in text.windows(WINDOW).step_by(self.stride).enumerate() {
            let window = window(piece);
            let bit = self.bit(window);
            if self.bits[bit / 64] >> (bit % 64) & 1 == 1 {
                self.compare(text, index * self.stride, window, found);
            }
        }
    }

    #[cold]
    fn compare(&self, text: &[u8], at: usize, window: u32, found: &mut Vec<Found>) {
        for (own, offset) in self.windows.get(&window).into_iter().flatten() {
            let string = &self.strings[*own];
            let Some(start) = at.checked_sub(*offset) else { continue };
            let end = start + string.len();
            if text.get(start..end) == Some(&**string) {
                found.push(Found { start, end, which: self.names[*own] });
            }
        }
    }
}

fn window(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<WINDOW>().map_or(0, |window| u32::from_le_bytes(*window))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Few letters, so that strings overlap, contain each other and share their ends.
        #[test]
        fn it_finds_what_a_naive_search_finds(
            strings in proptest::collection::vec("[ab]{4,12}", 1..20), text in "[ab]{0,200}", stride in 1usize..=8,
        ) {
            let mut finder = Finder::new(stride);
            let strings: Vec<&String> = strings.iter().filter(|s| s.len() >= stride + 3).collect();
            strings.iter().enumerate().for_each(|(which, string)| finder.add(string.as_bytes(), which));
            let mut found = Vec::new();
            finder.find(text.as_bytes(), &mut found);
            let mut found: Vec<_> = found.into_iter().map(|f| (f.start, f.end, f.which)).collect();
            found.sort_unstable();
            let mut expected = Vec::new();
            for (which, string) in strings.iter().enumerate() {
                for start in 0..text.len() {
                    if text[start..].starts_with(string.as_str()) {
                        expected.push((start, start + string.len(), which));
                    }
                }
            }
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn thousands_of_strings_are_found_each() {
        let mut finder = Finder::new(4);
        let string = |i: usize| format!("common-start-{i:06}-{}", i * 7919 % 1_000_003);
        (0..5000).for_each(|i| finder.add(string(i).as_bytes(), i));
        for i in (0..5000).step_by(97) {
            let mut found = Vec::new();
            finder.find(format!("x{}y", string(i)).as_bytes(), &mut found);
            assert!(found.iter().any(|found| found.which == i && found.start == 1), "{i}");
        }
    }
}
