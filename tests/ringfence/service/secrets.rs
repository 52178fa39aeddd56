//! The files without which nobody is known: what keeps us from reading one never puts another in its place.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::House;

#[tokio::test]
async fn a_secret_that_cannot_be_read_or_is_gone_is_told_and_stays_as_it_is() {
    let mut house = House::new().await;
    house.stop().await;
    for name in ["signing", "pepper"] {
        let path = house.dir.path().join("data/secrets").join(name);
        let kept = fs::read(&path).unwrap();
        // Reading leads nowhere, as with a disk that fails.
        fs::remove_file(&path).unwrap();
        symlink(&path, &path).unwrap();
        let error = house.cannot_begin().await;
        assert!(error.contains(&format!("{name} cannot be read")), "{error}");
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink(), "what cannot be read is not replaced");
        fs::remove_file(&path).unwrap();
        let error = house.cannot_begin().await;
        assert!(error.contains(&format!("{name} is missing")), "{error}");
        assert!(!path.exists());
        fs::write(&path, kept).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let house = house.again(&[]).await;
    house.get(&house.admin, "/v1/whoami").await.is(200);
}
