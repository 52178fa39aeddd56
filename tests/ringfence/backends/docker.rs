//! The backend for containers: what it says of itself, whose containers it takes away, and what it does without an engine.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, ListContainersOptions, RemoveContainerOptions};
use ringfence::backends::{Backend as _, BackendName, Docker, DockerSettings, Pull};
use ringfence::model::{LimitName, Limits, Outcome};

use super::engine::{IMAGE, WORDY, api, docker, found, settings, socket};
use super::world::{command, mark, mount, roomy, shell, text, there};
use crate::support::{WORKER, still_patient, with};

/// The containers of ours whose command has this among its words.
async fn with_word(word: &str) -> Vec<String> {
    let filters = [("label".to_owned(), vec!["ringfence.host".to_owned()])].into();
    let options = ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
    let all = api().list_containers(Some(options)).await.unwrap().into_iter();
    let has = |command: &Option<String>| command.as_ref().is_some_and(|command| command.contains(word));
    all.filter(|found| has(&found.command)).filter_map(|found| found.id).collect()
}

async fn none_left(word: &str) {
    let since = Instant::now();
    while !with_word(word).await.is_empty() {
        still_patient(since);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn docker_is_tested_or_says_why() {
    match found().await {
        Ok(docker) => {
            let standing = docker.standing().await;
            assert!(standing.available && standing.backend == BackendName::Docker, "{standing:?}");
            for limit in LimitName::ALL {
                assert_eq!(standing.claims.iter().filter(|claim| claim.name == limit.as_str()).count(), 1, "{limit}");
            }
        }
        Err(reason) => {
            eprintln!("skipped: all tests of the docker backend: {reason}");
            assert!(reason.contains(&socket().display().to_string().replace("unix://", "")), "{reason}");
            assert!(
                std::env::var_os("RINGFENCE_TEST_DOCKER_HOST").is_none(),
                "it was named, and is not there: {reason}"
            );
        }
    }
}

#[tokio::test]
async fn without_an_engine_it_says_so_and_runs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let silent = dir.path().join("silent.sock");
    std::fs::write(&silent, "").unwrap();
    for (socket, words) in [
        ("/no/such/engine.sock", "no engine answers at /no/such/engine.sock"),
        (silent.to_str().unwrap(), "no engine answers at"),
        ("unix:///no/such/engine.sock", "no engine answers at /no/such/engine.sock"),
        ("tcp://192.0.2.1:2375", "is no socket of this machine"),
    ] {
        let docker = Docker::new(DockerSettings { socket: Some(socket.into()), ..settings() });
        let standing = docker.standing().await;
        assert!(!standing.available && standing.claims.is_empty());
        assert!(standing.reason.as_ref().unwrap().contains(words), "{standing:?}");
        let error = docker.run(command(&["/bin/true"], roomy())).await.unwrap_err();
        assert_eq!(error.code(), "backend_unavailable", "{error}");
    }
}

/// One that answers every question in the words of an engine of long ago.
fn old_engine(path: &Path) -> tokio::task::JoinHandle<()> {
    let listener = tokio::net::UnixListener::bind(path).unwrap();
    let answer = || async {
        let told =
            serde_json::json!({"message": "client version 1.41 is too new. Maximum supported API version is 1.24"});
        (axum::http::StatusCode::BAD_REQUEST, axum::Json(told))
    };
    let app = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() })
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_not_asked_for_what_it_would_ignore() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.sock");
    let serving = old_engine(&path);
    let docker = Docker::new(DockerSettings { socket: Some(path), ..settings() });
    let reason = docker.standing().await.reason.unwrap();
    assert!(reason.contains("speaks another version") && reason.contains("1.24"), "{reason}");
    serving.abort();
}

#[tokio::test]
async fn an_image_that_is_not_there_is_named_and_not_fetched() {
    let Some(_) = docker().await else { return };
    let with =
        |image: Option<&str>, pull| Docker::new(DockerSettings { image: image.map(str::to_owned), pull, ..settings() });
    for (image, words) in
        [(None, "backends.docker.image"), (Some("ringfence-test:none"), "ringfence-test:none is not there")]
    {
        let docker = with(image, Pull::Never);
        let reason = docker.standing().await.reason.unwrap();
        assert!(reason.contains(words), "{reason}");
        let error = docker.run(command(&["/bin/true"], roomy())).await.unwrap_err();
        assert!(error.code() == "backend_unavailable" && error.to_string().contains(words), "{error}");
    }
    // It may be fetched, and nobody has it.
    let docker = with(Some("localhost:1/ringfence-test:none"), Pull::Missing);
    assert!(docker.standing().await.available, "nothing is fetched before a run");
    let error = docker.run(command(&["/bin/true"], roomy())).await.unwrap_err();
    assert!(error.code() == "backend_unavailable" && error.to_string().contains("could not fetch"), "{error}");
}

#[tokio::test]
async fn what_an_image_says_of_itself_changes_nothing() {
    let Some(_) = docker().await else { return };
    let wordy = std::sync::Arc::new(Docker::new(DockerSettings { image: Some(WORDY.to_owned()), ..settings() }));
    let report = wordy.run(command(&["env"], roomy())).await.unwrap();
    assert_eq!(text(&report), "HOME=/\n", "{report:?}");
    let script = "id -u; pwd; head -c 2000000 /dev/zero 2>/dev/null > /own/file; stat -c %s /own/file";
    let report = shell(&wordy, script, Limits { written_bytes: 1 << 20, ..roomy() }).await.unwrap();
    let said = text(&report);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0] != "0" && lines[1] == "/tmp", "{report:?}");
    assert!(lines[2].parse::<u64>().unwrap() <= 1 << 20, "a place of its own has a bound as well: {said}");
}

#[tokio::test]
async fn programs_are_looked_for_in_the_image_and_named_if_they_are_not_there() {
    let Some(docker) = docker().await else { return };
    for (words, named) in [
        (["no-such-command"], "no-such-command: it is in none of /usr/local/bin"),
        (["/no/such/command"], "/no/such/command"),
        (["/proc"], "/proc: it cannot be executed"),
        (["bad\0word"], "zero byte"),
    ] {
        let error = docker.run(command(&words, roomy())).await.unwrap_err();
        assert_eq!(error.code(), "command_unavailable", "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    for _ in 0..2 {
        let report = docker.run(command(&["python3", "-S", "-c", "print(6 * 7)"], roomy())).await.unwrap();
        assert_eq!(text(&report), "42\n", "{report:?}");
    }
    let long = "x".repeat(200_000);
    let limits = Limits { args_bytes: 1 << 20, ..roomy() };
    let error = docker.run(command(&["/bin/true", &long], limits)).await.unwrap_err();
    assert!(error.code() == "command_unavailable" && error.to_string().contains("too long"), "{error}");
}

#[tokio::test]
async fn what_no_engine_holds_is_refused_before_anything_runs() {
    let Some(docker) = docker().await else { return };
    let error = docker.run(command(&["/bin/true"], with(&[(LimitName::MemoryBytes, 1 << 20)]))).await.unwrap_err();
    assert!(error.code() == "not_enforced" && error.to_string().contains("memory_bytes"), "{error}");
    let mut run = command(&["/bin/true"], roomy());
    run.required = vec!["clean_up".to_owned()];
    let error = docker.run(run).await.unwrap_err();
    assert!(error.code() == "not_enforced" && error.to_string().contains("clean_up"), "{error}");
    let mut run = command(&["/bin/true"], roomy());
    run.chosen = vec![LimitName::Fuel];
    assert_eq!(docker.run(run).await.unwrap_err().code(), "not_enforced");
    for (clocks, randomness) in [(false, true), (true, false)] {
        let mut run = command(&["/bin/true"], roomy());
        (run.grants.clocks, run.grants.randomness) = (clocks, randomness);
        assert_eq!(docker.run(run).await.unwrap_err().code(), "not_enforced");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_container_and_copies_along() {
    let Some(_) = docker().await else { return };
    let copies = tempfile::tempdir().unwrap();
    let docker = Docker::new(DockerSettings { copies_dir: copies.path().to_owned(), ..settings() });
    let dir = tempfile::tempdir().unwrap();
    let mark = mark();
    let mut run = command(&["/bin/sh", "-c", &format!("(setsid sleep {mark} &) ; sleep {mark}")], roomy());
    run.mounts = vec![mount(dir.path(), "/**:write")];
    {
        let mut running = std::pin::pin!(docker.run(run));
        tokio::select! {
            report = &mut running => panic!("{report:?}"),
            () = there(&mark) => {}
        }
        assert_eq!(std::fs::read_dir(copies.path()).unwrap().count(), 1);
    }
    none_left(&mark).await;
    let since = Instant::now();
    while std::fs::read_dir(copies.path()).unwrap().count() > 0 {
        still_patient(since);
        tokio::task::yield_now().await;
    }
    super::world::gone(&mark).await;
}

#[tokio::test]
async fn the_death_of_the_host_takes_its_containers_along() {
    let Some(_) = docker().await else { return };
    let (mark, copies, dir) = (mark(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut host = Command::new(WORKER)
        .args(["run", "--backend", "docker", "--limits", "large", "--dir", &format!("{}::/data", dir.path().display())])
        .args(["--", "/bin/sleep", &mark])
        .env_clear()
        .env("RINGFENCE_BACKENDS_DOCKER_SOCKET", socket())
        .env("RINGFENCE_BACKENDS_DOCKER_IMAGE", IMAGE)
        .env("RINGFENCE_BACKENDS_DOCKER_COPIES_DIR", copies.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    there(&mark).await;
    host.kill().unwrap();
    host.wait().unwrap();
    super::world::gone(&mark).await;
    none_left(&mark).await;
    let since = Instant::now();
    while std::fs::read_dir(copies.path()).unwrap().count() > 0 {
        still_patient(since);
        tokio::task::yield_now().await;
    }
}

/// How a host of this machine is called, by the number of its process and when that began.
fn host(pid: u32, later: u64) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().replace('-', "");
    let space = std::fs::metadata("/proc/self/ns/pid").unwrap().ino();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let began: u64 = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap();
    format!("{boot}-{space}-{pid}-{}-1000000", began + later)
}

#[tokio::test]
async fn what_dead_hosts_left_is_removed_at_the_start_and_nothing_else() {
    let Some(_) = docker().await else { return };
    let copies = tempfile::tempdir().unwrap();
    let own = std::process::id();
    // Of one that died and whose number was given to another; of one beside this; of one that cannot be seen; of nobody.
    let (dead, alive) = (host(own, 1), host(own, 0));
    let hidden =
        alive.split('-').enumerate().map(|(i, word)| if i == 1 { "7" } else { word }).collect::<Vec<_>>().join("-");
    let mut ids = Vec::new();
    for label in [&*dead, &*alive, &*hidden, "words"] {
        let body = ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            entrypoint: Some(vec!["/bin/sleep".to_owned(), "600".to_owned()]),
            labels: Some(HashMap::from([("ringfence.host".to_owned(), label.to_owned())])),
            ..Default::default()
        };
        let id = api().create_container(None::<CreateContainerOptions>, body).await.unwrap().id;
        api().start_container(&id, None).await.unwrap();
        ids.push(id);
        std::fs::create_dir_all(copies.path().join(format!("ringfence-{label}-0/copies/deep"))).unwrap();
    }
    let docker = Docker::new(DockerSettings { copies_dir: copies.path().to_owned(), ..settings() });
    assert!(docker.standing().await.available);
    for (id, label) in ids.iter().zip([&*dead, &*alive, &*hidden, "words"]) {
        let is_there = api().inspect_container(id, None).await.is_ok();
        let has_copies = copies.path().join(format!("ringfence-{label}-0")).exists();
        assert_eq!((is_there, has_copies), (*label != *dead, *label != *dead), "{label}");
        if is_there {
            let options = RemoveContainerOptions { force: true, ..Default::default() };
            api().remove_container(id, Some(options)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn runs_at_one_time_do_not_meet_in_containers() {
    let Some(docker) = docker().await else { return };
    let one = |number: u32| {
        let script = format!("touch /tmp/{number} /dev/shm/{number}; ls /tmp /dev/shm | tr '\\n' ' '; id -u");
        let run = command(&["/bin/sh", "-c", &script], roomy());
        let docker = &docker;
        async move {
            let report = docker.run(run).await.unwrap();
            let said = text(&report);
            let files = format!("/dev/shm: {number}  /tmp: {number} ");
            said.strip_prefix(&files).unwrap_or_else(|| panic!("{number}: {said} {report:?}")).to_owned()
        }
    };
    let mut users = futures_util::future::join_all((0..6).map(one)).await;
    users.sort();
    users.dedup();
    assert!(!rustix::process::geteuid().is_root() || users.len() == 6, "each is another user: {users:?}");
}

#[tokio::test]
async fn a_command_line_runs_a_container_with_the_same_flags() {
    let Some(_) = docker().await else { return };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "words").unwrap();
    let ringfence = |args: &[&str]| {
        let socket = format!("backends.docker.socket={}", socket().display());
        let image = format!("backends.docker.image={IMAGE}");
        Command::new(WORKER)
            .args(&args[..1])
            .args(["--set", &socket, "--set", &image])
            .args(&args[1..])
            .env_clear()
            .output()
            .unwrap()
    };
    let place = format!("{}::/data", dir.path().display());
    let output = ringfence(&[
        "run",
        "--backend",
        "docker",
        "--dir",
        &place,
        "--",
        "sh",
        "-c",
        "cat file; echo new > made; exit 7",
    ]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(7), &b"words"[..]), "{output:?}");
    assert_eq!(std::fs::read_to_string(dir.path().join("made")).unwrap(), "new\n");
    let output = ringfence(&["backends", "docker"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.starts_with("docker: available\n") && told.contains("memory_bytes"), "{told}");
    for (args, code, word) in [
        (&["--", "no-such-command"][..], 117, "command_unavailable"),
        (&["--require", "clean_up", "--", "true"], 117, "not_enforced"),
        (&["--deadline-ms", "1500", "--", "sleep", "600"], 112, "--deadline-ms"),
        (&["--call", "f"], 2, "--call"),
        (&["--set", "http.page=1", "--", "true"], 2, "backends."),
        (&[], 2, "after `--`"),
    ] {
        let output = ringfence(&[&["run", "--backend", "docker"], args].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(code) && said.contains(word) && said.lines().count() == 1,
            "{args:?}: {said}"
        );
    }
    let output = Command::new(WORKER)
        .args(["run", "--backend", "process", "--set", "backends.docker.image=x", "--", "true"])
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.code() == Some(2) && String::from_utf8_lossy(&output.stderr).contains("--set"), "{output:?}");
}

/// What it costs, as a figure for whoever reads the output; the bound is for a machine that does much else.
#[tokio::test]
async fn a_run_of_nothing_is_over_soon() {
    let Some(docker) = docker().await else { return };
    let mut took = Vec::new();
    for _ in 0..20 {
        let since = Instant::now();
        let report = docker.run(command(&["/bin/true"], roomy())).await.unwrap();
        assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
        took.push(since.elapsed());
    }
    took.sort();
    eprintln!("a container for /bin/true: p50 {:?}, least {:?}, most {:?}", took[10], took[0], took[19]);
    assert!(took[10].as_secs() < 20);
}
