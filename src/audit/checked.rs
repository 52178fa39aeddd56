use std::path::Path;

use super::record::Record;
use super::verify::{VerifyOptions, VerifyReport, verify_hearing};

/// As `verify`, for whoever wants to know what the records say: each comes from the check itself, not from a second look at
/// files that may be others by then. What was heard holds only if nothing is wrong in the end.
pub fn verify_each(root: &Path, options: &VerifyOptions, hear: &mut dyn FnMut(&Record<'_>)) -> VerifyReport {
    verify_hearing(root, options, hear)
}
