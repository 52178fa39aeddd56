use std::process::{Command, Output};

use ringfence::backends::Backend as _;

use crate::backends::engine::{IMAGE, found, settings, socket};
use crate::backends::world::{command, roomy, there};
use crate::support::WORKER;

/// What the command line does with these settings in the environment; nothing where there is no engine.
async fn with(set: &[(&str, &str)], args: &[&str]) -> Option<Output> {
    if let Err(reason) = found().await {
        eprintln!("skipped: there is no docker backend on this machine: {reason}");
        return None;
    }
    let mut ringfence = Command::new(WORKER);
    ringfence.args(args).env_clear().env("DOCKER_HOST", socket()).env("RINGFENCE_BACKENDS_DOCKER_IMAGE", IMAGE);
    for (key, value) in set {
        ringfence.env(format!("RINGFENCE_BACKENDS_DOCKER_{}", key.to_uppercase()), value);
    }
    Some(ringfence.output().unwrap())
}

async fn run(set: &[(&str, &str)], script: &str) -> Option<Output> {
    with(set, &["run", "--backend", "docker", "--limits", "medium", "--", "sh", "-c", script]).await
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
pub async fn socket_is_where_the_engine_answers() {
    let listed = |name: &str, value: &str| {
        Command::new(WORKER).args(["backends", "docker"]).env_clear().env(name, value).output().unwrap()
    };
    for name in ["RINGFENCE_BACKENDS_DOCKER_SOCKET", "DOCKER_HOST"] {
        let told = told(&listed(name, "unix:///no/such.sock"));
        assert!(told.contains("no engine answers at /no/such.sock"), "{told}");
    }
    let told = told(&listed("DOCKER_HOST", "tcp://192.0.2.1:2375"));
    assert!(told.contains("tcp://192.0.2.1:2375 is no socket of this machine"), "{told}");
    // The setting's own is stronger.
    let Some(output) = with(&[("socket", "/no/such.sock")], &["backends", "docker"]).await else { return };
    assert!(self::told(&output).contains("/no/such.sock"), "{output:?}");
}

#[tokio::test]
pub async fn image_is_what_commands_run_from() {
    let Some(output) = run(&[], "echo hi").await else { return };
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"hi\n"[..]), "{output:?}");
    let output = run(&[("image", "ringfence-test:none")], "echo hi").await.unwrap();
    assert!(
        output.status.code() == Some(117) && told(&output).contains("ringfence-test:none is not there"),
        "{output:?}"
    );
}

#[tokio::test]
pub async fn pull_says_whether_an_image_is_fetched() {
    let image = ("image", "localhost:1/ringfence-test:none");
    let Some(output) = run(&[image], "true").await else { return };
    assert!(told(&output).contains("backends.docker.pull is never"), "{output:?}");
    let output = run(&[image, ("pull", "missing")], "true").await.unwrap();
    assert!(told(&output).contains("could not fetch it"), "{output:?}");
}

#[tokio::test]
pub async fn processes_are_the_most_at_one_time() {
    let script = "i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i+1)); done; echo all";
    let Some(output) = run(&[("processes", "8")], script).await else { return };
    assert!(output.status.code() == Some(2) && !told(&output).contains("all"), "{output:?}");
    assert_eq!(run(&[], script).await.unwrap().stdout, b"all\n");
    let output = run(&[("processes", "0")], "true").await.unwrap();
    assert!(told(&output).contains("backends.docker.processes is 0"), "{output:?}");
}

#[tokio::test]
pub async fn cpus_are_the_most_that_are_kept_busy() {
    let Ok(_) = found().await else { return };
    let docker = ringfence::backends::Docker::new(ringfence::backends::DockerSettings { cpus: 0.25, ..settings() });
    let mark = crate::backends::world::mark();
    let cancel = tokio_util::sync::CancellationToken::new();
    let mut run = command(&["/bin/sleep", &mark], roomy());
    run.cancel = Some(cancel.clone());
    let looking = async {
        there(&mark).await;
        let api = crate::backends::engine::api();
        let filters = [("label".to_owned(), vec!["ringfence.host".to_owned()])].into();
        let options = bollard::query_parameters::ListContainersOptions { filters: Some(filters), ..Default::default() };
        // The command may be there before the engine says that it runs.
        let since = std::time::Instant::now();
        let id = loop {
            let all = api.list_containers(Some(options.clone())).await.unwrap();
            let found = all.into_iter().find(|found| found.command.as_ref().unwrap().contains(&mark));
            match found {
                Some(found) => break found.id.unwrap(),
                None => crate::support::still_patient(since),
            }
        };
        let found = api.inspect_container(&id, None).await.unwrap();
        cancel.cancel();
        found.host_config.unwrap().nano_cpus
    };
    let (report, cpus) = tokio::join!(docker.run(run), looking);
    assert_eq!((report.unwrap().outcome.kind(), cpus), ("cancelled", Some(250_000_000)));
}

/// With a folder of three files in it.
async fn folder(set: &[(&str, &str)]) -> Option<Output> {
    let dir = tempfile::tempdir().unwrap();
    ["a", "b", "c"].iter().for_each(|name| std::fs::write(dir.path().join(name), name.repeat(100)).unwrap());
    let place = format!("{}::/data:ro", dir.path().display());
    with(set, &["run", "--backend", "docker", "--dir", &place, "--", "ls"]).await
}

#[tokio::test]
pub async fn copies_dir_is_where_copies_are() {
    let Some(output) = folder(&[("copies_dir", "/no/such/folder")]).await else { return };
    assert!(output.status.code() == Some(117) && told(&output).contains("/no/such/folder"), "{output:?}");
    let copies = tempfile::tempdir().unwrap();
    let output = folder(&[("copies_dir", copies.path().to_str().unwrap())]).await.unwrap();
    assert_eq!(output.stdout, b"a\nb\nc\n", "{output:?}");
    assert_eq!(std::fs::read_dir(copies.path()).unwrap().count(), 0);
}

#[tokio::test]
pub async fn copied_bytes_and_files_bound_folders() {
    for (set, enough) in
        [(("copied_bytes", "200"), ("copied_bytes", "300")), (("copied_files", "2"), ("copied_files", "3"))]
    {
        let Some(output) = folder(&[set]).await else { return };
        assert!(output.status.code() == Some(117) && told(&output).contains("too large"), "{output:?}");
        assert_eq!(folder(&[enough]).await.unwrap().stdout, b"a\nb\nc\n");
    }
}
