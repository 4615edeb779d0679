//! The order expression, from the traces of each scope.
//!
//! A scope is the session or one lane; its *trace* is the list of its own events and, for every event of a lane within
//! it, that lane's key. The expression is found by cutting: exclusive parts, parts that float, parts in sequence, a
//! loop, parts side by side, in this order, on the relation "all a before all b" (after the inductive miner of Leemans,
//! Fahland and van der Aalst; single occurrence as in Bex et al., TODS 2010). Where nothing can be cut, every event
//! keeps its multiplicity and every pair that always held becomes a rule.

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
