use std::path::Path;

use toml::{Table, Value};

/// Those that are paths: what a file says begins at its own folder.
const PATHS: [&str; 8] = [
    "data_dir",
    "tls.cert_file",
    "tls.key_file",
    "engine.cache_dir",
    "audit.dir",
    "audit.key_file",
    "audit.alerts.webhook.key_file",
    "backends.docker.copies_dir",
];
/// The same of the keys of an issuer.
const KEY_FILES: [&str; 3] = ["secret_file", "pem_file", "jwks_file"];

/// And of a target that the audit log is forwarded to.
const FORWARD_FILES: [&str; 4] = ["path", "ca_file", "header_file", "key_file"];

/// Makes paths of a file begin at its folder, so that they mean the same wherever it is read.
pub(super) fn settle(table: &mut Table, folder: &Path) {
    let settled = |value: &mut Value| {
        if let Value::String(path) = value {
            *path = folder.join(&*path).display().to_string();
        }
    };
    for key in PATHS {
        let mut names = key.split('.');
        let first = names.next().and_then(|name| table.get_mut(name));
        if let Some(value) = names.fold(first, |at, name| at?.get_mut(name)) {
            settled(value);
        }
    }
    let issuers = table.get_mut("identity").and_then(|identity| identity.get_mut("tokens")?.get_mut("issuers"));
    for issuer in issuers.and_then(Value::as_array_mut).into_iter().flatten() {
        for name in KEY_FILES {
            if let Some(value) = issuer.get_mut("keys").and_then(|keys| keys.get_mut(name)) {
                settled(value);
            }
        }
    }
    let targets = table.get_mut("audit").and_then(|audit| audit.get_mut("forward"));
    for target in targets.and_then(Value::as_array_mut).into_iter().flatten() {
        for name in FORWARD_FILES {
            if let Some(value) = target.get_mut(name) {
                settled(value);
            }
        }
    }
}
