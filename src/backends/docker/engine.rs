use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::SystemInfo;
use bollard::{ClientVersion, Docker as Api};

use super::settings::DockerSettings;

/// What an engine may take to answer one question.
pub(super) const ANSWER: Duration = Duration::from_secs(60);

/// The versions of its language that are tried, the oldest first: with less than it, what is asked for would be ignored.
const VERSIONS: [(usize, usize); 3] = [(1, 41), (1, 44), (1, 53)];

/// Who answers at the socket, and what it can do.
pub(super) struct Engine {
    path: String,
    version: (usize, usize),
    pub(super) facts: Facts,
}

/// What there is of an engine beyond what there must be.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) version: String,
    pub(super) memory: bool,
    pub(super) swap: bool,
    pub(super) pids: bool,
    pub(super) cpu: bool,
    pub(super) cpus: f64,
    pub(super) users: Users,
}

/// Who a user inside is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Users {
    /// The same number.
    Same,
    /// So many numbers further on.
    From(u32),
    /// Somebody, but who is not told.
    Unknown,
}

impl Engine {
    pub(super) async fn find(settings: &DockerSettings) -> Result<Self, String> {
        let (path, version) = agree(settings).await?;
        let info = client(&path, version)?.info().await.map_err(|error| said(&error))?;
        Ok(Self { facts: Facts::of(&info)?, path, version })
    }

    /// A line of its own: one that is kept would be tied to whoever drives it at first.
    pub(super) fn api(&self) -> Result<Api, String> {
        client(&self.path, self.version)
    }
}

impl Facts {
    fn of(info: &SystemInfo) -> Result<Self, String> {
        let options = info.security_options.as_deref().unwrap_or_default();
        let has = |name: &str| options.iter().any(|option| option.split(',').any(|part| part == name));
        if info.os_type.as_deref() != Some("linux") {
            return Err("it runs containers of another system than Linux".to_owned());
        }
        if !has("name=seccomp") {
            return Err("it has no filter of system calls (seccomp), and nothing is run without".to_owned());
        }
        let users = match (has("name=rootless"), has("name=userns")) {
            (true, _) => Users::Unknown,
            (false, true) => mapped_from(info).map_or(Users::Unknown, Users::From),
            (false, false) => Users::Same,
        };
        Ok(Self {
            version: info.server_version.clone().unwrap_or_else(|| "of no version".to_owned()),
            memory: info.memory_limit == Some(true),
            swap: info.swap_limit == Some(true),
            pids: info.pids_limit == Some(true),
            cpu: info.cpu_cfs_quota == Some(true),
            cpus: u32::try_from(info.ncpu.unwrap_or(1)).unwrap_or(1).into(),
            users,
        })
    }
}

/// An engine that maps users keeps what it has in a folder that is called after the first of them: `/var/lib/docker/1000.1000`.
fn mapped_from(info: &SystemInfo) -> Option<u32> {
    let folder = Path::new(info.docker_root_dir.as_deref()?).file_name()?.to_str()?;
    folder.split_once('.')?.0.parse().ok()
}

/// A line to the engine, in the first version that both know.
pub(super) async fn speak(settings: &DockerSettings) -> Result<Api, String> {
    let (path, version) = agree(settings).await?;
    client(&path, version)
}

fn client(path: &str, (major_version, minor_version): (usize, usize)) -> Result<Api, String> {
    let version = ClientVersion { major_version, minor_version };
    Api::connect_with_unix(path, ANSWER.as_secs(), &version).map_err(|error| no_answer(path, &error))
}

async fn agree(settings: &DockerSettings) -> Result<(String, (usize, usize)), String> {
    let socket = settings.socket.as_deref().unwrap_or(Path::new("/var/run/docker.sock")).display().to_string();
    let path = socket.strip_prefix("unix://").unwrap_or(&socket);
    if !path.starts_with('/') {
        return Err(format!(
            "{socket} is no socket of this machine; name one by its path, as in unix:///run/docker.sock"
        ));
    }
    let mut first = None;
    for version in VERSIONS {
        match client(path, version)?.version().await {
            Ok(_) => return Ok((path.to_owned(), version)),
            // Too old or too new for it: it says so itself.
            Err(Error::DockerResponseServerError { message, .. }) => {
                first.get_or_insert(format!("the engine at {path} speaks another version: {}", words(&message)));
            }
            Err(error) => return Err(no_answer(path, &error)),
        }
    }
    Err(first.unwrap_or_default())
}

fn no_answer(path: &str, error: &Error) -> String {
    format!("no engine answers at {path}: {}", said(error))
}

/// What went wrong, in one line: an engine quotes what the runtime below it said, which may have been told anything.
pub(super) fn said(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => words(message),
        Error::SocketNotFoundError(_) => "there is no such socket".to_owned(),
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(deeper) = cause {
                text = format!("{text}: {deeper}");
                cause = deeper.source();
            }
            words(&text)
        }
    }
}

pub(super) fn words(text: &str) -> String {
    const MOST: usize = 400;
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect();
    plain.trim().to_owned()
}

/// Whether the engine has nothing of that name.
pub(super) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}
