//! An engine of containers, where one answers, and an image for it: no registry can be reached, so it is made from files of
//! this machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use bollard::query_parameters::CreateImageOptions;
use bollard::{ClientVersion, Docker as Api};
use futures_util::StreamExt as _;
use ringfence::backends::{Backend as _, Docker, DockerSettings};
use tokio::sync::OnceCell;

use crate::support::WORKER;

/// Programs that tasks and attackers are made of.
const PROGRAMS: &str = "sh [ basename cat chgrp chmod chown cp cut date dd df dirname du echo env expr false find grep head id \
    ln ls md5sum mkdir mkfifo mknod mktemp mv nohup nproc od printf pwd readlink rm rmdir sed seq setsid sha256sum sleep sort \
    stat su sum sync tail test touch tr true truncate tty uname uniq wc python3";

/// What it is called; another number for another content.
pub const IMAGE: &str = "ringfence-test:1";
/// One that says all that an image can say: variables, folders of its own, an entry, a check of its health, a user.
pub const WORDY: &str = "ringfence-test-wordy:1";

/// Where an engine is looked for.
pub fn socket() -> PathBuf {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let named = named("RINGFENCE_TEST_DOCKER_HOST").or_else(|| named("DOCKER_HOST"));
    named.map_or_else(|| PathBuf::from("/var/run/docker.sock"), PathBuf::from)
}

pub fn settings() -> DockerSettings {
    DockerSettings {
        socket: Some(socket()),
        image: Some(IMAGE.to_owned()),
        worker: WORKER.into(),
        ..DockerSettings::default()
    }
}

/// A line to the engine for the tests themselves.
pub fn api() -> Api {
    let path = socket().display().to_string();
    let version = ClientVersion { major_version: 1, minor_version: 41 };
    Api::connect_with_unix(path.trim_start_matches("unix://"), 60, &version).unwrap()
}

/// The backend for containers, one for all tests, or why there is none.
pub async fn found() -> Result<Arc<Docker>, String> {
    static FOUND: OnceCell<Result<(), String>> = OnceCell::const_new();
    static DOCKER: OnceLock<Arc<Docker>> = OnceLock::new();
    let ready = FOUND.get_or_init(async || {
        let nobody = Docker::new(DockerSettings { image: None, ..settings() });
        // Without an image the engine is asked all the same, and that is missed at last.
        let reason = nobody.standing().await.reason.unwrap_or_default();
        if !reason.contains("backends.docker.image") {
            return Err(reason);
        }
        import(IMAGE, &[]).await;
        import(WORDY, &["ENV LOUD=yes", "ENV PATH=/nowhere", "VOLUME /own", "ENTRYPOINT [\"/bin/false\"]", "USER 0"])
            .await;
        Ok(())
    });
    ready.await.clone()?;
    Ok(DOCKER.get_or_init(|| Arc::new(Docker::new(settings()))).clone())
}

/// The same for a test that does nothing without, and says so.
pub async fn docker() -> Option<Arc<Docker>> {
    found().await.inspect_err(|reason| eprintln!("skipped: there is no docker backend on this machine: {reason}")).ok()
}

async fn import(name: &str, says: &[&str]) {
    let api = api();
    if api.inspect_image(name).await.is_ok() {
        return;
    }
    let (repo, tag) = name.split_once(':').unwrap();
    let mut changes = vec!["LABEL ringfence.test=image".to_owned()];
    changes.extend(says.iter().map(|change| (*change).to_owned()));
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repo.to_owned()),
        tag: Some(tag.to_owned()),
        changes,
        ..Default::default()
    };
    let body = bollard::body_full(archive().into());
    let mut steps = std::pin::pin!(api.create_image(Some(options), Some(body), None));
    while let Some(step) = steps.next().await {
        step.unwrap();
    }
}

/// The programs with the libraries that they need, and the modules of Python.
fn archive() -> Vec<u8> {
    let mut files = BTreeSet::new();
    for program in PROGRAMS.split_whitespace() {
        let places = ["/usr/bin", "/bin", "/usr/local/bin"].map(|place| Path::new(place).join(program));
        let Some(place) = places.into_iter().find(|place| place.exists()) else { continue };
        let text = Command::new("ldd").arg(&place).output().map(|told| told.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        files.extend(text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from));
        files.insert(place);
    }
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(true);
    for file in &files {
        // As it is on machines where `/bin` is a folder of its own: both names lead to it.
        let inside = file.strip_prefix("/").unwrap();
        tar.append_path_with_name(std::fs::canonicalize(file).unwrap(), inside).unwrap();
    }
    for (name, target) in [("bin/sh", "/usr/bin/sh"), ("bin/true", "/usr/bin/true")] {
        if files.contains(Path::new(target)) && !files.contains(&Path::new("/").join(name)) {
            link(&mut tar, name, target);
        }
    }
    for name in ["cat", "echo", "ls", "sleep"] {
        if files.contains(&Path::new("/usr/bin").join(name)) {
            link(&mut tar, &format!("bin/{name}"), &format!("/usr/bin/{name}"));
        }
    }
    python(&mut tar);
    for folder in ["tmp", "etc", "proc", "sys", "dev"] {
        tar.append_dir(folder, "/").unwrap();
    }
    tar.into_inner().unwrap()
}

fn link(tar: &mut tar::Builder<Vec<u8>>, name: &str, target: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, name, target).unwrap();
}

fn python(tar: &mut tar::Builder<Vec<u8>>) {
    let script = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let Ok(told) = Command::new("/usr/bin/python3").args(["-I", "-S", "-c", script]).output() else { return };
    let stdlib = PathBuf::from(String::from_utf8_lossy(&told.stdout).trim());
    let Ok(entries) = std::fs::read_dir(&stdlib) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let inside = path.strip_prefix("/").unwrap();
        // What it takes to start, and no more.
        match name.to_str() {
            Some("encodings" | "collections" | "json" | "re" | "importlib") => {
                tar.append_dir_all(inside, &path).unwrap()
            }
            Some(file) if file.ends_with(".py") => tar.append_path_with_name(&path, inside).unwrap(),
            _ => {}
        }
    }
}
