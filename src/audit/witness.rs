use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::hash::TreeHash;
use super::note::{BadNote, ConsistencyProof, SignedCheckpoint, SigningKey, VerifyingKey};

/// One who keeps the newest checkpoint of other logs and signs a newer one only if the log has grown from it and
/// nothing else: `add-checkpoint` of c2sp.org/tlog-witness, without the HTTP.
#[derive(Debug)]
pub struct Witness {
    folder: PathBuf,
    key: SigningKey,
    logs: Vec<VerifyingKey>,
}

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("{0}")]
    Note(#[from] BadNote),
    #[error("no key is known for the log `{0}`")]
    UnknownLog(String),
    #[error("the last checkpoint that was seen is of {0} records; prove from there")]
    OtherSize(u64),
    #[error("the log shows two trees of {0} records: it has been forked")]
    Forked(u64),
    #[error("the proof does not show that the log has only grown: it has been forked, or the proof is wrong")]
    NotConsistent,
    #[error("what was seen of the log cannot be read: {0}")]
    BadState(BadNote),
    #[error("the folder of the witness: {0}")]
    Disk(#[from] io::Error),
}

impl WitnessError {
    pub const fn code(&self) -> &'static str {
        match self {
            WitnessError::Note(bad) => bad.code(),
            WitnessError::UnknownLog(_) => "unknown_log",
            WitnessError::OtherSize(_) => "other_size",
            WitnessError::Forked(_) => "forked",
            WitnessError::NotConsistent => "not_consistent",
            WitnessError::BadState(_) => "bad_state",
            WitnessError::Disk(_) => "witness_disk_failed",
        }
    }
}

impl Witness {
    /// `logs` are the keys of the logs that are watched; the name of a key is the origin of its log.
    pub fn open(folder: &Path, key: SigningKey, logs: Vec<VerifyingKey>) -> Result<Self, WitnessError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned(), key, logs })
    }

    /// Looks at a checkpoint with its proof, keeps it, and gives the line that says so. `now` is in seconds since 1970.
    pub fn add(&self, request: &str, now: u64) -> Result<String, WitnessError> {
        let request: ConsistencyProof = request.parse()?;
        let new = request.checkpoint.checkpoint();
        let keys: Vec<_> = self.logs.iter().filter(|key| key.name() == new.origin).cloned().collect();
        if keys.is_empty() {
            return Err(WitnessError::UnknownLog(super::text::clean(&new.origin, 100)));
        }
        request.checkpoint.signed_by(&keys)?;
        if request.old > new.size {
            return Err(BadNote::Proof.into());
        }
        // Two requests at once must not both be held against the same state.
        let lock = File::create(self.folder.join("lock"))?;
        lock.lock()?;
        let seen = self.seen(&new.origin)?;
        let (old, old_root) =
            seen.as_ref().map_or((0, TreeHash::of_nothing()), |seen| (seen.checkpoint().size, seen.checkpoint().root));
        if request.old != old {
            return Err(WitnessError::OtherSize(old));
        }
        if old == new.size && old_root != new.root {
            return Err(WitnessError::Forked(old));
        }
        if !request.shows(old_root) {
            return Err(WitnessError::NotConsistent);
        }
        let cosignature = request.checkpoint.cosign(&self.key, now);
        let mut kept = request.checkpoint.clone();
        kept.add([cosignature.clone()]);
        replace(&self.state(&new.origin), &kept.to_string())?;
        Ok(cosignature.to_string())
    }

    /// The newest checkpoint of a log that this witness has signed.
    pub fn seen(&self, origin: &str) -> Result<Option<SignedCheckpoint>, WitnessError> {
        match std::fs::read_to_string(self.state(origin)) {
            Ok(text) => Ok(Some(text.parse().map_err(WitnessError::BadState)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Origins are text of others and no names of files.
    fn state(&self, origin: &str) -> PathBuf {
        let name: String = Sha256::digest(origin).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name + ".checkpoint")
    }
}

/// Puts a file in place so that a crash leaves the old one or the new one.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".").suffix(".new").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}
