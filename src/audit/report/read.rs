use std::path::Path;

use super::super::read::Reader;
use super::super::verify::{VerifyOptions, VerifyReport, verify_hearing};
use super::survey::Survey;

/// Checks the log and takes in what was checked. Where it does not hold, what stands behind the first fault is read as far
/// as it can be, so that who looks into it sees all there is; the page says that nothing of it is proven.
pub fn survey(root: &Path, options: &VerifyOptions, survey: &mut Survey) -> VerifyReport {
    let mut next = 0;
    let verified = verify_hearing(root, options, &mut |record| {
        next = record.seq + 1;
        survey.hear(record);
    });
    if verified.fault.is_some() {
        survey.unreadable = Reader::new(root).whatever(next, &mut |record| survey.hear(record));
    }
    verified
}
