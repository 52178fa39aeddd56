use super::service::{Settings, SettingsError};

/// Variables with a name of their own that are about the service as well; the setting's own is stronger.
pub(super) const ALSO: [(&str, &str); 3] = [
    ("RINGFENCE_CACHE_DIR", "engine.cache_dir"),
    ("RINGFENCE_CACHE_BYTES", "engine.cache_bytes"),
    ("RINGFENCE_LOG", "log.filter"),
];

/// What else has a meaning: for the command line as a client, and for building and testing this.
const OTHERS: [&str; 7] = [
    "RINGFENCE_CONFIG",
    "RINGFENCE_SERVER",
    "RINGFENCE_API_KEY",
    "RINGFENCE_FUZZ_SECONDS",
    "RINGFENCE_GUESTS_DIR",
    "RINGFENCE_TEST_DOCKER_HOST",
    "RINGFENCE_TOOLS_DIR",
];

/// The variable of a setting.
pub fn variable_of(key: &str) -> String {
    format!("RINGFENCE_{}", key.to_uppercase().replace('.', "_"))
}

/// Refuses a variable that looks like one of ours and means nothing: whoever set it believes that it does.
pub fn check_variables(names: impl IntoIterator<Item = String>) -> Result<(), SettingsError> {
    let mut known: Vec<String> = Settings::keys().iter().map(|(key, _)| variable_of(key)).collect();
    known.extend(ALSO.iter().map(|(name, _)| (*name).to_owned()));
    known.extend(OTHERS.iter().map(|name| (*name).to_owned()));
    let unknown = names.into_iter().find(|name| name.starts_with("RINGFENCE_") && !known.contains(name));
    let Some(name) = unknown else { return Ok(()) };
    let words: Vec<&str> = known.iter().map(String::as_str).collect();
    let near = similar::get_close_matches(name.as_str(), &words, 1, 0.0);
    Err(SettingsError::Variable { near: near.first().map(ToString::to_string).unwrap_or_default(), name })
}
