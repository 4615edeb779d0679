//! Learns the order expression from the traces of each scope.
//!
//! A scope is the session or one lane. Its *trace* is the list of its own events and, for every event of an inner
//! lane, that lane's key. The expression is found by cutting into exclusive parts, floating parts, parts in sequence,
//! a loop, and concurrent parts, in this order, by the relation "all a before all b" (after the inductive miner of
//! Leemans, Fahland and van der Aalst; single occurrence as in Bex et al., TODS 2010). If nothing can be cut, every
//! event keeps its multiplicity, and every pair that always held becomes a rule.

mod chance;
mod choose;
mod coincidence;
mod cuts;
mod floats;
mod learner;
mod relax;
mod rounds;
#[cfg(test)]
mod tests;
mod turns;

pub(super) use choose::learn;
