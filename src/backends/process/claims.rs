use super::super::claims::{Claim, Holds};
use super::order::Fence;
use super::settings::ProcessSettings;
use crate::model::LimitName;

/// What is held of a command in such a fence, and what is not: no word more than the kernel keeps.
pub(super) fn of(fence: &Fence, settings: &ProcessSettings) -> Vec<Claim> {
    let limits = LimitName::ALL.iter().map(|limit| limit_claim(*limit, fence, settings));
    limits.chain(rules(fence, settings)).collect()
}

fn limit_claim(limit: LimitName, fence: &Fence, settings: &ProcessSettings) -> Claim {
    use Holds::{No, Partly, Yes};
    use LimitName as L;
    let most = settings.processes;
    let (holds, how) = match limit {
        L::Fuel => (No, "the processor counts no units of ours; deadline_ms bounds the time".to_owned()),
        L::DeadlineMs => (Yes, "a supervisor kills the PID namespace, and all in it with it".to_owned()),
        L::MemoryBytes if fence.controllers.memory => (
            Yes,
            "memory.max of a control group: of all its processes, and of the files that they write into memory"
                .to_owned(),
        ),
        L::MemoryBytes => (
            Partly,
            format!(
                "address space of each process (RLIMIT_AS), at most {most} of them; the sum is looked at every 32 ms"
            ),
        ),
        L::StackBytes => (Partly, "of the first thread of each process (RLIMIT_STACK)".to_owned()),
        L::OpenFiles => (Partly, format!("of each process (RLIMIT_NOFILE), at most {most} of them")),
        L::WrittenBytes => (
            Partly,
            "what its files hold at one time (the size of their file system, RLIMIT_FSIZE), not what was ever written"
                .into(),
        ),
        L::FilesCreated => (Partly, "files that are there at one time, not those that ever were".to_owned()),
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

fn rules(fence: &Fence, settings: &ProcessSettings) -> Vec<Claim> {
    use Holds::{No, Yes};
    let landlock = match fence.landlock {
        0 => "without Landlock, which this kernel does not have".to_owned(),
        version => format!("Landlock {version} as well"),
    };
    let signals = if fence.landlock >= 6 { "; signals and abstract sockets end at the fence (Landlock)" } else { "" };
    let by = if fence.controllers.pids { "RLIMIT_NPROC, pids.max of a control group" } else { "RLIMIT_NPROC" };
    let proc = if fence.own_proc { "its own /proc" } else { "no /proc" };
    vec![
        Claim::new(
            "files",
            Yes,
            format!(
                "a copy of what the rules show; view has no content, read is mounted so; what a command makes where it may \
                 not is told and never brought back; {landlock}"
            ),
        ),
        Claim::new("network", Yes, "a network namespace without interfaces, and no call to make a socket"),
        Claim::new(
            "processes",
            Yes,
            format!("a PID namespace with {proc}; at most {} at one time ({by}){signals}", settings.processes),
        ),
        Claim::new("system_calls", Yes, "a list of what is allowed (seccomp); no ptrace, mounts, keys, bpf, io_uring"),
        Claim::new("privileges", Yes, "a user of its own, no capability, no_new_privs; nothing is setuid"),
        Claim::new("environment", Yes, "what was granted and nothing else"),
        Claim::new("descriptors", Yes, "the three streams and nothing else"),
        Claim::new("clean_up", Yes, "the kernel ends the namespaces with their first process, also when the host dies"),
        Claim::new("clocks", No, "a command reads the processor's clock without asking anybody"),
        Claim::new("randomness", No, "a command has the processor's randomness without asking anybody"),
    ]
}
