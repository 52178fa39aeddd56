use serde_json::{Value, json};

use super::super::system_calls::{NEW_NAMESPACES, allowed};

/// Our own list as an engine takes it: what is not on it is refused as forbidden, whatever the engine would allow.
pub(super) fn profile() -> Value {
    let when = |index: u64, value: u64, mask: Option<u64>, op: &str| {
        // With a mask, that comes first and what is left after it second.
        let (value, two) = mask.map_or((value, 0), |mask| (mask, value));
        json!({"index": index, "value": value, "valueTwo": two, "op": op})
    };
    let (masked, equal, other) = ("SCMP_CMP_MASKED_EQ", "SCMP_CMP_EQ", "SCMP_CMP_NE");
    let rule =
        |name: &str, conditions: Vec<Value>| json!({"names": [name], "action": "SCMP_ACT_ALLOW", "args": conditions});
    let word = |value: i32| u64::from(value.unsigned_abs());
    // Those that have conditions below.
    let plain: Vec<&str> = allowed().map(|(name, _)| name).filter(|name| !matches!(*name, "ioctl" | "fcntl")).collect();
    let mut rules = vec![
        json!({"names": plain, "action": "SCMP_ACT_ALLOW"}),
        rule("clone", vec![when(0, 0, Some(NEW_NAMESPACES), masked)]),
        // It hides its flags from a filter: as a kernel that never had it, so that programs take the other.
        json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": libc::ENOSYS}),
        // Typing into a terminal, and being told who opens a folder.
        rule("ioctl", vec![when(1, libc::TIOCSTI, None, other)]),
        rule("fcntl", vec![when(1, word(libc::F_NOTIFY), None, other)]),
        rule("personality", vec![when(0, 0, None, equal)]),
        rule("personality", vec![when(0, 0xffff_ffff, None, equal)]),
    ];
    // Connected pairs lead nowhere else.
    rules.extend([libc::SOCK_STREAM, libc::SOCK_SEQPACKET].map(|kind| {
        rule("socketpair", vec![when(0, word(libc::AF_UNIX), None, equal), when(1, word(kind), Some(0xf), masked)])
    }));
    // Pipes with a name, and files; never devices.
    for kind in [libc::S_IFIFO, libc::S_IFREG, 0] {
        let kind_at = |index| when(index, kind.into(), Some(libc::S_IFMT.into()), masked);
        rules.push(rule("mknod", vec![kind_at(1)]));
        rules.push(rule("mknodat", vec![kind_at(2)]));
    }
    json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules})
}
