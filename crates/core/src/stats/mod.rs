//! Numbers and hashes, whatever they are of: medians, sums, a prior for spreads, a quick hash, a fingerprint for files.

mod fingerprint;
mod hash;
mod median;
mod prior;
mod sums;

pub use fingerprint::fingerprint;
pub(crate) use fingerprint::{FNV_START, finish, fold};
pub use hash::{FastMap, FoldHasher, JsonHash, quick_hash};
pub use median::{lower_median, mean, median, quantile};
pub use prior::{PRIOR_DF, Prior};
pub use sums::Sums;
