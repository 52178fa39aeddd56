//! Which calls to the kernel a fenced program has. What is on no list answers as a kernel does that never had it, so that
//! programs fall back; what is dangerous and known to all is refused as forbidden.

use std::collections::BTreeMap;

use libc as c;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition as Condition,
    SeccompFilter, SeccompRule,
};

use super::super::super::system_calls::{NEW_NAMESPACES, allowed as allowed_calls};

/// Both filters, ready to be put on. They are made once and put on in this order: what the second says of a call wins.
pub(super) struct Filters {
    allowed: BpfProgram,
    forbidden: BpfProgram,
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Made<T> = Result<T, seccompiler::Error>;

impl Filters {
    pub(super) fn new() -> Made<Self> {
        let errno = |errno: i32| SeccompAction::Errno(errno.unsigned_abs());
        let arch = std::env::consts::ARCH.try_into().map_err(seccompiler::Error::Backend)?;
        let make = |rules, otherwise, found| -> Made<BpfProgram> {
            let filter = SeccompFilter::new(rules, otherwise, found, arch).map_err(seccompiler::Error::Backend)?;
            filter.try_into().map_err(seccompiler::Error::Backend)
        };
        Ok(Self {
            allowed: make(allowed()?, errno(c::ENOSYS), SeccompAction::Allow)?,
            forbidden: make(forbidden()?, SeccompAction::Allow, errno(c::EPERM))?,
        })
    }

    pub(super) fn put_on(&self) -> Made<()> {
        seccompiler::apply_filter(&self.allowed)?;
        seccompiler::apply_filter(&self.forbidden)
    }
}

/// One rule: all of its conditions hold.
fn when(conditions: &[(u8, Op, u64)]) -> Made<SeccompRule> {
    let made: Result<Vec<Condition>, _> =
        conditions.iter().map(|(index, op, value)| Condition::new(*index, Len::Dword, op.clone(), *value)).collect();
    made.and_then(SeccompRule::new).map_err(seccompiler::Error::Backend)
}

fn allowed() -> Made<Rules> {
    let mut rules: Rules = allowed_calls().map(|(_, call)| (call, Vec::new())).collect();
    // Threads and processes, in the namespaces that they are in. `clone3` hides its flags from a filter.
    rules.insert(c::SYS_clone, vec![when(&[(0, Op::MaskedEq(NEW_NAMESPACES), 0)])?]);
    // Connected pairs lead nowhere else; one for datagrams could be sent anywhere.
    let unix = |kind: i32| when(&[(0, Op::Eq, word(c::AF_UNIX)), (1, Op::MaskedEq(0xf), word(kind))]);
    rules.insert(c::SYS_socketpair, vec![unix(c::SOCK_STREAM)?, unix(c::SOCK_SEQPACKET)?]);
    // Asked for, not changed.
    rules.insert(c::SYS_personality, vec![when(&[(0, Op::Eq, 0xffff_ffff)])?, when(&[(0, Op::Eq, 0)])?]);
    // Pipes with a name, and files; never devices.
    let kinds = |at: u8| -> Made<Vec<SeccompRule>> {
        let kind = |kind: u32| when(&[(at, Op::MaskedEq(c::S_IFMT.into()), kind.into())]);
        Ok(vec![kind(c::S_IFIFO)?, kind(c::S_IFREG)?, kind(0)?])
    };
    rules.insert(c::SYS_mknodat, kinds(2)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(c::SYS_mknod, kinds(1)?);
    Ok(rules)
}

fn forbidden() -> Made<Rules> {
    let mut rules: Rules = FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(FORBIDDEN_OLD.iter().map(|call| (*call, Vec::new())));
    // Being told who opens a folder that others use as well; for that reason there is no inotify either.
    let watching = [c::F_NOTIFY, c::F_SETLEASE].map(|command| when(&[(1, Op::Eq, word(command))]));
    rules.insert(c::SYS_fcntl, watching.into_iter().collect::<Made<_>>()?);
    // Typing into a terminal for somebody else.
    let typing = [c::TIOCSTI, c::TIOCLINUX].map(|request| when(&[(1, Op::Eq, request)]));
    rules.insert(c::SYS_ioctl, typing.into_iter().collect::<Made<_>>()?);
    Ok(rules)
}

fn word(value: i32) -> u64 {
    u64::from(value.unsigned_abs())
}

/// What would reach beyond the fence, or widen what can be attacked of the kernel.
#[rustfmt::skip]
const FORBIDDEN: &[i64] = &[
    c::SYS_ptrace, c::SYS_process_vm_readv, c::SYS_process_vm_writev, c::SYS_pidfd_getfd, c::SYS_kcmp,
    c::SYS_process_madvise, c::SYS_mount, c::SYS_umount2, c::SYS_pivot_root, c::SYS_chroot, c::SYS_unshare,
    c::SYS_setns, c::SYS_open_tree, c::SYS_move_mount, c::SYS_fsopen, c::SYS_fsconfig, c::SYS_fsmount, c::SYS_fspick,
    c::SYS_mount_setattr, c::SYS_name_to_handle_at, c::SYS_open_by_handle_at, c::SYS_keyctl, c::SYS_add_key,
    c::SYS_request_key, c::SYS_bpf, c::SYS_perf_event_open, c::SYS_userfaultfd, c::SYS_io_uring_setup,
    c::SYS_io_uring_enter, c::SYS_io_uring_register, c::SYS_kexec_load, c::SYS_init_module, c::SYS_finit_module,
    c::SYS_delete_module, c::SYS_clock_settime, c::SYS_clock_adjtime, c::SYS_settimeofday, c::SYS_adjtimex,
    c::SYS_reboot, c::SYS_swapon, c::SYS_swapoff, c::SYS_syslog, c::SYS_acct, c::SYS_quotactl, c::SYS_sethostname,
    c::SYS_setdomainname, c::SYS_vhangup, c::SYS_fanotify_init, c::SYS_fanotify_mark, c::SYS_memfd_create,
    c::SYS_memfd_secret, c::SYS_shmget, c::SYS_shmat, c::SYS_shmctl, c::SYS_semget, c::SYS_semop, c::SYS_semctl,
    c::SYS_msgget, c::SYS_msgsnd, c::SYS_msgrcv, c::SYS_mq_open, c::SYS_socket, c::SYS_connect, c::SYS_bind,
    c::SYS_listen, c::SYS_accept, c::SYS_accept4, c::SYS_sendmmsg, c::SYS_recvmmsg,
];

#[cfg(target_arch = "x86_64")]
const FORBIDDEN_OLD: &[i64] =
    &[c::SYS_iopl, c::SYS_ioperm, c::SYS_modify_ldt, c::SYS_kexec_file_load, c::SYS_uselib, c::SYS_ustat, c::SYS_sysfs];
