use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use bollard::Docker as Api;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerState};
use bollard::query_parameters::{
    ContainerArchiveInfoOptions, CreateContainerOptions, KillContainerOptions, RemoveContainerOptions,
    StartContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt as _;

use super::super::backend::BackendName;
use super::super::error::BackendError;
use super::engine::{is_missing, said, speak, words};
use super::room::{Room, apart};
use super::settings::DockerSettings;

/// Where a name without a slash is looked for.
const SEARCHED: [&str; 5] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
/// Links that are followed to a program.
const LINKS: usize = 8;
/// Programs that are remembered to be there.
const KNOWN: usize = 1_000;
/// How a kind of file is told.
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;

/// How often, and for how long, a container is tried to be removed that nobody waits for any more.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// A container of one run, and the folders that it shows. When this is dropped, both go.
pub(super) struct Container {
    pub(super) api: Api,
    pub(super) name: String,
    settings: DockerSettings,
    asked: bool,
    pub(super) room: Option<Room>,
}

/// Programs that were found in an image: what is in one never changes.
#[derive(Default)]
pub(super) struct Programs(Mutex<HashMap<(String, String), String>>);

impl Programs {
    pub(super) fn known(&self, image: &str, program: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(image.to_owned(), program.to_owned())).cloned()
    }

    fn keep(&self, image: &str, program: &str, path: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert((image.to_owned(), program.to_owned()), path.to_owned());
    }
}

fn failed(error: &Error) -> BackendError {
    BackendError::Internal(said(error))
}

impl Container {
    pub(super) fn new(api: Api, name: String, settings: &DockerSettings, room: Option<Room>) -> Self {
        Self { api, name, settings: settings.clone(), asked: false, room }
    }

    /// Makes the container of a program, which is looked for where the image and the folders are together.
    pub(super) async fn make(
        &mut self,
        program: &str,
        programs: &Programs,
        body: impl Fn(&str) -> ContainerCreateBody,
    ) -> Result<(), BackendError> {
        let first = body(program);
        let (image, folder) = (first.image.unwrap_or_default(), first.working_dir.unwrap_or_default());
        if let Some(path) = programs.known(&image, program) {
            return self.create(body(&path)).await;
        }
        let bare = !program.contains('/');
        let guess = if bare { format!("/usr/bin/{program}") } else { program.to_owned() };
        self.create(body(&guess)).await?;
        let places = match bare {
            true => SEARCHED.iter().map(|place| format!("{place}/{program}")).collect(),
            false => vec![Path::new(&folder).join(program).display().to_string()],
        };
        let mut found = None;
        for place in places {
            if self.has(&place).await? {
                found = Some(if bare { place } else { program.to_owned() });
                break;
            }
        }
        let Some(found) = found else {
            let why = if bare {
                format!("it is in none of {}", SEARCHED.join(", "))
            } else {
                "there is no such file".to_owned()
            };
            return Err(BackendError::Command(format!("{program}: {why} of the image")));
        };
        // What is in a folder may be gone at the next run.
        if bare {
            programs.keep(&image, program, &found);
        }
        if found != guess {
            self.remove().await?;
            self.create(body(&found)).await?;
        }
        Ok(())
    }

    async fn create(&mut self, body: ContainerCreateBody) -> Result<(), BackendError> {
        self.asked = true;
        let options = CreateContainerOptions { name: Some(self.name.clone()), ..Default::default() };
        match self.api.create_container(Some(options), body).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(&error)),
        }
    }

    /// Whether there is a program at a path, as far as can be told from outside.
    async fn has(&self, path: &str) -> Result<bool, BackendError> {
        let mut path = PathBuf::from(path);
        for _ in 0..LINKS {
            let asked = ContainerArchiveInfoOptions { path: path.display().to_string() };
            let found = match self.api.get_container_archive_info(&self.name, Some(asked)).await {
                Ok(found) => found,
                Err(error) if is_missing(&error) => return Ok(false),
                Err(error) => return Err(failed(&error)),
            };
            if found.file_mode & LINK == 0 {
                if found.file_mode & FOLDER != 0 || found.file_mode & 0o111 == 0 {
                    return Err(BackendError::Command(format!("{}: it cannot be executed", path.display())));
                }
                return Ok(true);
            }
            path = path.parent().unwrap_or(Path::new("/")).join(found.link_target);
        }
        Ok(false)
    }

    pub(super) async fn start(&self) -> Result<(), BackendError> {
        let started = self.api.start_container(&self.name, None::<StartContainerOptions>).await;
        started.map_err(|error| refused(&error))
    }

    pub(super) async fn kill(&self) {
        let options = KillContainerOptions { signal: "KILL".to_owned() };
        // One that has ended is not there to be killed.
        let _ = self.api.kill_container(&self.name, Some(options)).await;
    }

    /// Waits until nothing of it is alive.
    pub(super) async fn ended(&self) -> Result<(), BackendError> {
        let options = WaitContainerOptions { condition: "not-running".to_owned() };
        let mut waiting = self.api.wait_container(&self.name, Some(options));
        match waiting.next().await {
            // A code of its own is told as an error.
            Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(error)) => Err(failed(&error)),
            None => Err(BackendError::Internal("the engine went away while the command was running".to_owned())),
        }
    }

    pub(super) async fn state(&self) -> Result<ContainerState, BackendError> {
        let found = self.api.inspect_container(&self.name, None).await.map_err(|error| failed(&error))?;
        found.state.ok_or_else(|| BackendError::Internal("the engine does not say how the command ended".to_owned()))
    }

    /// Removes it, alive or not, with all that is its own.
    pub(super) async fn remove(&mut self) -> Result<(), BackendError> {
        take_away(&self.api, &self.name).await.map_err(|error| failed(&error))?;
        self.asked = false;
        Ok(())
    }
}

async fn take_away(api: &Api, name: &str) -> Result<(), Error> {
    let options = RemoveContainerOptions { force: true, v: true, link: false };
    match api.remove_container(name, Some(options)).await {
        Err(error) if !is_missing(&error) => Err(error),
        _ => Ok(()),
    }
}

/// What an engine says of a container that it does not make or start.
fn refused(error: &Error) -> BackendError {
    let said = said(error);
    let about = |word: &str| said.contains(word);
    if about("docker-init") {
        return BackendError::Unavailable { backend: BackendName::Docker, reason: said };
    }
    if about("bind source path does not exist") {
        return BackendError::Folder(words(&format!("the engine sees other files than this host: {said}")));
    }
    if about("exec:") || about("error mounting") || about("chdir to cwd") {
        return BackendError::Command(said);
    }
    if is_missing(error) {
        return BackendError::Unavailable { backend: BackendName::Docker, reason: said };
    }
    BackendError::Internal(said)
}

impl Drop for Container {
    /// The one who waited went away: a thread of its own sees to it, since there may be nobody left who lets tasks run.
    fn drop(&mut self) {
        let (asked, room) = (self.asked, self.room.take());
        if !asked && room.is_none() {
            return;
        }
        let (settings, name) = (self.settings.clone(), self.name.clone());
        let cleaning = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let (true, Ok(runtime)) = (asked, runtime) {
                runtime.block_on(clean(&settings, &name));
            }
            // Only now does nobody change it any more.
            drop(room);
        };
        if let Err(error) = std::thread::Builder::new().name("clean-up".to_owned()).spawn(cleaning) {
            tracing::warn!("a container could not be cleaned up: {error}");
        }
    }
}

/// An engine may be at making it still, so that it is not there yet when it is looked for.
async fn clean(settings: &DockerSettings, name: &str) {
    let mut last = None;
    for _ in 0..TRIES {
        match speak(settings).await {
            Ok(api) => {
                let options = RemoveContainerOptions { force: true, v: true, link: false };
                match api.remove_container(name, Some(options)).await {
                    Ok(()) => return,
                    Err(error) => last = (!is_missing(&error)).then(|| said(&error)),
                }
            }
            Err(reason) => last = Some(reason),
        }
        tokio::time::sleep(PAUSE).await;
    }
    if let Some(reason) = last {
        tracing::warn!("the container {name} could not be removed: {reason}");
    }
}

/// Copies go on a thread of their own as well.
pub(super) async fn let_go(room: Room) {
    let _ = apart(move || drop(room)).await;
}
