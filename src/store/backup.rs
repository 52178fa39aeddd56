use std::path::Path;

use super::error::StoreError;
use super::open::Store;

impl Store {
    /// Writes a whole copy to a new file, as of one moment, while others read and write.
    pub fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        let failed = |reason: String| StoreError::Backup { path: to.display().to_string(), reason };
        if to.exists() {
            return Err(failed("it is there already".into()));
        }
        let name = to.to_str().ok_or_else(|| failed("its name is no UTF-8".into()))?.to_owned();
        self.reader(|connection| connection.execute("VACUUM INTO ?1", [name])).map_err(|e| failed(e.to_string()))?;
        let sync = std::fs::File::open(to).and_then(|file| file.sync_all());
        sync.map_err(|reason| failed(reason.to_string()))
    }
}
