//! Which calls to the kernel a fenced program has. What is on no list answers as a kernel does that never had it, so that
//! programs fall back; what is dangerous and known to all is refused as forbidden.

use std::collections::BTreeMap;

use libc as c;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition as Condition,
    SeccompFilter, SeccompRule,
};

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
    let mut rules: Rules = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(c::SYS_renameat, Vec::new());
    #[cfg(target_arch = "x86_64")]
    rules.extend(ALLOWED_OLD.iter().map(|call| (*call, Vec::new())));
    // Threads and processes, in the namespaces that they are in. `clone3` hides its flags from a filter.
    const NEW_NAMESPACES: u64 = 0x7e02_0000;
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

/// What ordinary programs need: files, memory, threads, time, signals, waiting.
#[rustfmt::skip]
const ALLOWED: &[i64] = &[
    // Files.
    c::SYS_read, c::SYS_write, c::SYS_readv, c::SYS_writev, c::SYS_pread64, c::SYS_pwrite64, c::SYS_preadv,
    c::SYS_pwritev, c::SYS_preadv2, c::SYS_pwritev2, c::SYS_openat, c::SYS_openat2, c::SYS_close, c::SYS_close_range,
    c::SYS_lseek, c::SYS_fstat, c::SYS_newfstatat, c::SYS_statx, c::SYS_statfs, c::SYS_fstatfs, c::SYS_faccessat,
    c::SYS_faccessat2, c::SYS_readlinkat, c::SYS_getdents64, c::SYS_getcwd, c::SYS_chdir, c::SYS_fchdir,
    c::SYS_mkdirat, c::SYS_unlinkat, c::SYS_renameat2, c::SYS_linkat, c::SYS_symlinkat, c::SYS_fchmod,
    c::SYS_fchmodat, 452, c::SYS_fchown, c::SYS_fchownat, c::SYS_utimensat, c::SYS_truncate, c::SYS_ftruncate,
    c::SYS_fallocate, c::SYS_fsync, c::SYS_fdatasync, c::SYS_sync_file_range, c::SYS_flock, c::SYS_fcntl,
    c::SYS_fadvise64, c::SYS_readahead, c::SYS_copy_file_range, c::SYS_sendfile, c::SYS_splice, c::SYS_tee,
    c::SYS_vmsplice, c::SYS_dup, c::SYS_dup3, c::SYS_pipe2, c::SYS_umask, c::SYS_ioctl, c::SYS_getxattr,
    c::SYS_lgetxattr, c::SYS_fgetxattr, c::SYS_listxattr, c::SYS_llistxattr, c::SYS_flistxattr,
    // Memory.
    c::SYS_brk, c::SYS_mmap, c::SYS_munmap, c::SYS_mremap, c::SYS_mprotect, c::SYS_madvise, c::SYS_msync,
    c::SYS_mincore, c::SYS_mlock, c::SYS_mlock2, c::SYS_munlock, c::SYS_mlockall, c::SYS_munlockall,
    c::SYS_membarrier, c::SYS_pkey_alloc, c::SYS_pkey_free, c::SYS_pkey_mprotect, c::SYS_get_mempolicy,
    // Processes and threads.
    c::SYS_execve, c::SYS_execveat, c::SYS_exit, c::SYS_exit_group, c::SYS_wait4, c::SYS_waitid, c::SYS_getpid,
    c::SYS_getppid, c::SYS_gettid, c::SYS_getpgid, c::SYS_setpgid, c::SYS_getsid, c::SYS_setsid, c::SYS_getuid,
    c::SYS_geteuid, c::SYS_getgid, c::SYS_getegid, c::SYS_getresuid, c::SYS_getresgid, c::SYS_getgroups,
    c::SYS_setuid, c::SYS_setgid, c::SYS_setreuid, c::SYS_setregid, c::SYS_setresuid, c::SYS_setresgid,
    c::SYS_setgroups, c::SYS_setfsuid, c::SYS_setfsgid, c::SYS_capget, c::SYS_capset, c::SYS_prctl, c::SYS_getrlimit,
    c::SYS_setrlimit, c::SYS_prlimit64, c::SYS_getrusage, c::SYS_getpriority, c::SYS_setpriority, c::SYS_sched_yield,
    c::SYS_sched_getaffinity, c::SYS_sched_setaffinity, c::SYS_sched_getparam, c::SYS_sched_setparam,
    c::SYS_sched_getscheduler, c::SYS_sched_setscheduler, c::SYS_sched_get_priority_max,
    c::SYS_sched_get_priority_min, c::SYS_sched_rr_get_interval, c::SYS_sched_getattr, c::SYS_getcpu,
    c::SYS_set_tid_address, c::SYS_set_robust_list, c::SYS_get_robust_list, c::SYS_rseq, c::SYS_futex,
    c::SYS_futex_waitv, c::SYS_pidfd_open, c::SYS_pidfd_send_signal, c::SYS_seccomp, c::SYS_landlock_create_ruleset,
    c::SYS_landlock_add_rule, c::SYS_landlock_restrict_self,
    // Signals.
    c::SYS_rt_sigaction, c::SYS_rt_sigprocmask, c::SYS_rt_sigreturn, c::SYS_rt_sigpending, c::SYS_rt_sigsuspend,
    c::SYS_rt_sigtimedwait, c::SYS_rt_sigqueueinfo, c::SYS_rt_tgsigqueueinfo, c::SYS_sigaltstack, c::SYS_kill,
    c::SYS_tkill, c::SYS_tgkill, c::SYS_signalfd4, c::SYS_restart_syscall,
    // Time and waiting.
    c::SYS_clock_gettime, c::SYS_clock_getres, c::SYS_clock_nanosleep, c::SYS_nanosleep, c::SYS_gettimeofday,
    c::SYS_getitimer, c::SYS_setitimer, c::SYS_timer_create, c::SYS_timer_settime, c::SYS_timer_gettime,
    c::SYS_timer_getoverrun, c::SYS_timer_delete, c::SYS_timerfd_create, c::SYS_timerfd_settime,
    c::SYS_timerfd_gettime, c::SYS_times, c::SYS_ppoll, c::SYS_pselect6, c::SYS_epoll_create1, c::SYS_epoll_ctl,
    c::SYS_epoll_pwait, c::SYS_epoll_pwait2, c::SYS_eventfd2,
    // Pairs that are connected already.
    c::SYS_sendto, c::SYS_recvfrom, c::SYS_sendmsg, c::SYS_recvmsg, c::SYS_shutdown, c::SYS_getsockname,
    c::SYS_getpeername, c::SYS_getsockopt, c::SYS_setsockopt,
    // The machine.
    c::SYS_uname, c::SYS_sysinfo, c::SYS_getrandom,
];

/// The same by names that newer machines left out.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_OLD: &[i64] = &[
    c::SYS_open, c::SYS_creat, c::SYS_stat, c::SYS_lstat, c::SYS_access, c::SYS_readlink, c::SYS_getdents,
    c::SYS_mkdir, c::SYS_rmdir, c::SYS_unlink, c::SYS_rename, c::SYS_link, c::SYS_symlink, c::SYS_chmod, c::SYS_chown,
    c::SYS_lchown, c::SYS_utime, c::SYS_utimes, c::SYS_futimesat, c::SYS_dup2, c::SYS_pipe,
    c::SYS_fork, c::SYS_vfork, c::SYS_getpgrp, c::SYS_arch_prctl, c::SYS_signalfd, c::SYS_alarm, c::SYS_pause,
    c::SYS_time, c::SYS_poll, c::SYS_select, c::SYS_epoll_create, c::SYS_epoll_wait, c::SYS_eventfd,
];

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
