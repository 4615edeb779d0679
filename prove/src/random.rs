//! Random numbers from a seed, the same on every machine: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
//!
//! Every use has a generator of its own, forked from the seed by words: `fork(seed, &["agent", "3", "train", "7"])`. So
//! a single run can be made again without making those before it.

/// A generator.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

/// The increment of SplitMix64: 2^64 divided by the golden ratio, odd.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed of its own for what the words name.
pub(crate) fn fork(seed: u64, words: &[&str]) -> u64 {
    words.iter().fold(mix(seed.wrapping_add(GAMMA)), |state, word| {
        // FNV-1a over the word, then mixed with what came before.
        let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        mix(state.rotate_left(17) ^ hash)
    })
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 0 to below `n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % (n.max(1) as u64)).unwrap_or(0)
    }

    /// Both bounds included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Standard normal, by Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// One of them; none of an empty list.
    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        from.get(self.below(from.len()))
    }

    /// One of several words.
    pub(crate) fn word<'t>(&mut self, from: &[&'t str]) -> &'t str {
        self.pick(from).copied().unwrap_or_default()
    }

    fn symbols(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    /// `prefix_` and letters and digits, as services write ids. The first is a digit, so that none looks like a word.
    pub(crate) fn id(&mut self, prefix: &str, length: usize) -> String {
        let first = self.symbols(b"0123456789", 1);
        let rest = self.symbols(
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            length.saturating_sub(1),
        );
        format!("{prefix}_{first}{rest}")
    }

    /// Letters and digits, as clients name their requests at random.
    pub(crate) fn alphanumeric(&mut self, length: usize) -> String {
        self.symbols(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", length)
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.symbols(b"0123456789abcdef", length)
    }

    /// Bytes as base64 has them, without padding.
    pub(crate) fn base64(&mut self, length: usize) -> String {
        self.symbols(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", length)
    }

    pub(crate) fn uuid(&mut self) -> String {
        format!("{}-{}-4{}-a{}-{}", self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12))
    }

    /// A few words of prose.
    pub(crate) fn prose(&mut self, words: usize) -> String {
        const WORDS: [&str; 24] = [
            "the", "river", "runs", "past", "seven", "old", "mills", "and", "a", "stone", "bridge", "where",
            "boats", "wait", "for", "grain", "while", "clerks", "count", "sacks", "in", "dusty", "yellow",
            "light",
        ];
        let text: Vec<&str> = (0..words.max(1)).map(|_| self.word(&WORDS)).collect();
        text.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_give_the_same_numbers_and_others_do_not() {
        assert_eq!(fork(1, &["a", "b"]), fork(1, &["a", "b"]));
        assert_ne!(fork(1, &["a", "b"]), fork(1, &["b", "a"]));
        assert_ne!(fork(1, &["a"]), fork(2, &["a"]));
    }

    #[test]
    fn normal_numbers_have_the_mean_and_spread_they_should() {
        let mut random = Random::new(7);
        let numbers: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
