//! Statistics and hashes: medians, sums, a prior for spreads, a fast hash, a fingerprint for files.

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
