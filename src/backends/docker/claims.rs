use super::super::claims::{Claim, Holds};
use super::engine::{Facts, Users};
use super::plan::LEAST_MEMORY;
use super::settings::DockerSettings;
use crate::model::{LimitName, show_bytes};

/// What is held of a command in such a container, and what is not: no word more than engine and host keep together.
pub(super) fn of(facts: &Facts, settings: &DockerSettings) -> Vec<Claim> {
    let limits = LimitName::ALL.iter().map(|limit| limit_claim(*limit, facts, settings));
    limits.chain(rules(facts, settings)).collect()
}

fn limit_claim(limit: LimitName, facts: &Facts, settings: &DockerSettings) -> Claim {
    use Holds::{No, Partly, Yes};
    use LimitName as L;
    let most = settings.processes;
    let (holds, how) = match limit {
        L::Fuel => (No, "the processor counts no units of ours; deadline_ms bounds the time".to_owned()),
        L::DeadlineMs => (Yes, "the host has the container killed, from the first request on; if it dies, its worker".into()),
        L::MemoryBytes => memory(facts),
        L::StackBytes => (Partly, "of the first thread of each process (RLIMIT_STACK)".to_owned()),
        L::OpenFiles => (Partly, format!("of each process (RLIMIT_NOFILE), at most {most} of them")),
        L::WrittenBytes => (
            Partly,
            "each file (RLIMIT_FSIZE), /tmp and /dev/shm by the size of their file systems; folders are looked at every \
             100 ms or more, and nothing of those that have grown too large is brought back"
                .into(),
        ),
        L::FilesCreated => {
            (Partly, "those in /tmp, and those in folders as often as these are looked at, at one time".to_owned())
        }
        L::EntriesRead => (No, "the kernel does not count what is listed".to_owned()),
        L::StdoutBytes | L::StderrBytes => {
            (Yes, "counted by the host as it reads; the run ends at the limit".to_owned())
        }
        L::ArgsBytes | L::EnvBytes => (Yes, "before the start".to_owned()),
        L::StdinBytes => (Yes, "before the start, or as it comes".to_owned()),
        L::TableElements | L::Instances | L::ResultBytes | L::Resources | L::HostcallBytes | L::ToolCalls => {
            (Yes, "a command has nothing of this".to_owned())
        }
    };
    Claim::new(limit.as_str(), holds, how)
}

fn memory(facts: &Facts) -> (Holds, String) {
    let least = show_bytes(LEAST_MEMORY);
    match (facts.memory, facts.swap) {
        (true, true) => (
            Holds::Yes,
            format!(
                "of the whole container, with what is in /tmp and /dev/shm, and no swap (cgroup); {least} at least"
            ),
        ),
        (true, false) => (Holds::Partly, format!("of the whole container but for swap (cgroup); {least} at least")),
        (false, _) => (Holds::No, "this engine holds no memory".to_owned()),
    }
}

fn rules(facts: &Facts, settings: &DockerSettings) -> Vec<Claim> {
    use Holds::{No, Partly, Yes};
    let most = settings.processes;
    let processes = match facts.pids {
        true => (Yes, format!("a PID namespace, and at most {most} in it at one time (cgroup)")),
        false => (Partly, "a PID namespace; this engine does not count what is in it".to_owned()),
    };
    let user = match facts.users {
        Users::Same => "a user that nobody else is",
        Users::From(_) | Users::Unknown => "a user in a namespace of the engine's",
    };
    let time = if facts.cpu {
        format!(", and the time of {} processors", settings.cpus.min(facts.cpus))
    } else {
        String::new()
    };
    vec![
        Claim::new(
            "files",
            Yes,
            "a copy of what the rules show; view has no content, read is mounted so; what a command makes where it may not is \
             told and never brought back; the image is read-only",
        ),
        Claim::new("network", Yes, "a network namespace with a loopback alone, and no call to make a socket"),
        Claim::new("processes", processes.0, processes.1 + &time),
        Claim::new(
            "system_calls",
            Yes,
            "our own list of what is allowed (seccomp); no ptrace, mounts, keys, bpf, io_uring",
        ),
        Claim::new("privileges", Yes, format!("{user}, no capability, no_new_privs")),
        Claim::new(
            "environment",
            Partly,
            "what was granted, and HOME, which the runtime of the engine sets where it is not",
        ),
        Claim::new("descriptors", Yes, "the three streams and nothing else"),
        Claim::new(
            "clean_up",
            Partly,
            format!(
                "by the host (engine {}); when it dies, by its worker; when both are killed, by the next start",
                facts.version
            ),
        ),
        Claim::new("clocks", No, "a command reads the processor's clock without asking anybody"),
        Claim::new("randomness", No, "a command has the processor's randomness without asking anybody"),
    ]
}
