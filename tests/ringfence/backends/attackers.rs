//! Attackers in C, for each fence of native commands.

pub const BOMB: &str = r#"
    #include <unistd.h>
    #include <signal.h>
    int main() { for (int s = 1; s < 65; s++) signal(s, SIG_IGN); for (;;) { fork(); setsid(); } }"#;

pub const TRACER: &str = r#"
    #include <stdio.h>
    #include <errno.h>
    #include <signal.h>
    #include <unistd.h>
    #include <sys/ptrace.h>
    #include <sys/wait.h>
    #include <sys/uio.h>
    int main() {
        pid_t child = fork();
        if (!child) { pause(); _exit(0); }
        printf("attach %d\n", ptrace(PTRACE_ATTACH, child, 0, 0) ? errno : 0);
        printf("traceme %d\n", ptrace(PTRACE_TRACEME, 0, 0, 0) ? errno : 0);
        char byte; struct iovec local = { &byte, 1 }, remote = { &byte, 1 };
        printf("read %d\n", process_vm_readv(child, &local, 1, &remote, 1, 0) < 0 ? errno : 0);
        int reached = 0;
        for (int pid = 3; pid < 70000; pid++) if (pid != child && pid != getpid() && kill(pid, 0) == 0) reached++;
        printf("reached %d\n", reached);
        printf("init %d\n", kill(1, SIGKILL) ? errno : 0);
        kill(child, SIGKILL); wait(0);
        puts("alive");
    }"#;

pub const SHARER: &str = r#"
    #define _GNU_SOURCE
    #include <stdio.h>
    #include <errno.h>
    #include <unistd.h>
    #include <sys/syscall.h>
    #include <sys/shm.h>
    #include <sys/mman.h>
    #include <sys/ioctl.h>
    #include <sys/resource.h>
    #define TRY(name, call) printf(name " %d\n", (long)(call) < 0 ? errno : 0)
    int main() {
        TRY("add_key", syscall(SYS_add_key, "user", "a", "b", 1, -3));
        TRY("keyctl", syscall(SYS_keyctl, 0, -3, 0));
        TRY("request_key", syscall(SYS_request_key, "user", "a", 0, 0));
        TRY("shmget", shmget(IPC_PRIVATE, 4096, 0600));
        TRY("memfd", memfd_create("m", 0));
        TRY("mq", syscall(SYS_mq_open, "/q", 0102, 0600, 0));
        TRY("sti", ioctl(0, TIOCSTI, "x"));
        struct rlimit core; getrlimit(RLIMIT_CORE, &core);
        printf("core %ld %ld\n", (long)core.rlim_cur, (long)core.rlim_max);
        core.rlim_cur = core.rlim_max = 1 << 20;
        TRY("raise", setrlimit(RLIMIT_CORE, &core));
    }"#;

pub const CALLS: &str = r#"
    #define _GNU_SOURCE
    #include <stdio.h>
    #include <errno.h>
    #include <sched.h>
    #include <unistd.h>
    #include <sys/syscall.h>
    #include <sys/mount.h>
    #include <sys/wait.h>
    static void tried(const char *name, long done) { printf("%s %d\n", name, done < 0 ? errno : 0); fflush(stdout); }
    int main() {
        tried("mount", mount("none", "/tmp", "tmpfs", 0, 0));
        tried("umount", umount2("/tmp", 2));
        tried("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
        tried("chroot", chroot("/tmp"));
        int flags[] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP };
        for (int i = 0; i < 7; i++) {
            tried("unshare", unshare(flags[i]));
            long child = syscall(SYS_clone, flags[i] | 17, 0, 0, 0, 0);
            if (child == 0) _exit(0);
            tried("clone", child);
        }
        long args[11] = { CLONE_NEWUSER, 0, 0, 0, 17 };
        tried("clone3", syscall(435, args, sizeof args));
        tried("setns", setns(0, 0));
        tried("open_tree", syscall(428, -100, "/", 1));
        tried("fsopen", syscall(430, "tmpfs", 0));
        tried("mount_setattr", syscall(442, -100, "/", 0, args, 32));
        tried("handle", syscall(SYS_open_by_handle_at, 0, 0, 0));
        tried("io_uring", syscall(425, 1, args));
        tried("bpf", syscall(SYS_bpf, 0, args, 8));
        tried("perf", syscall(SYS_perf_event_open, args, 0, -1, -1, 0));
        tried("userfaultfd", syscall(SYS_userfaultfd, 0));
        tried("kexec", syscall(SYS_kexec_load, 0, 0, 0, 0));
        tried("module", syscall(SYS_init_module, "", 0, ""));
        tried("module", syscall(SYS_finit_module, 0, "", 0));
        tried("clock", syscall(SYS_clock_settime, 0, args));
        tried("settimeofday", syscall(SYS_settimeofday, args, 0));
        tried("adjtimex", syscall(SYS_adjtimex, args));
        tried("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));
        tried("hostname", sethostname("x", 1));
        tried("syslog", syscall(SYS_syslog, 3, args, 8));
        tried("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0));
        tried("x32", syscall(0x40000000 | 39));
    }"#;

pub const SOCKETS: &str = r#"
    #include <stdio.h>
    #include <errno.h>
    #include <string.h>
    #include <unistd.h>
    #include <sys/socket.h>
    #include <sys/un.h>
    int main() {
        for (int family = 0; family < 46; family++)
            for (int type = 1; type < 6; type++)
                if (socket(family, type, 0) >= 0) printf("socket %d %d\n", family, type);
        int pair[2];
        printf("stream %d\n", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        char byte = 'x';
        printf("talks %d\n", write(pair[0], &byte, 1) == 1 && read(pair[1], &byte, 1) == 1);
        struct sockaddr_un to = { AF_UNIX, "/data/host.sock" };
        printf("connect %d\n", connect(pair[0], (struct sockaddr *)&to, sizeof to) ? errno : 0);
        printf("bind %d\n", bind(pair[0], (struct sockaddr *)&to, sizeof to) ? errno : 0);
        printf("sendto %d\n", sendto(pair[0], "x", 1, 0, (struct sockaddr *)&to, sizeof to) < 0 ? 1 : 0);
        printf("dgram %d\n", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ? 1 : 0);
    }"#;

pub const MANY: &str = r#"
    #include <stdio.h>
    #include <errno.h>
    #include <unistd.h>
    int main() {
        int made = 0;
        for (; made < 1000; made++) { pid_t child = fork(); if (child < 0) break; if (!child) { pause(); _exit(0); } }
        printf("%d %d\n", made, errno);
    }"#;

pub const GREEDY: &str = r#"
    #include <stdio.h>
    #include <string.h>
    #include <sys/mman.h>
    int main() {
        long taken = 0;
        for (;;) {
            char *more = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (more == MAP_FAILED) break;
            memset(more, 1, 1 << 20);
            taken++;
        }
        printf("%ld\n", taken);
    }"#;

pub const HERD: &str = r#"
    #include <string.h>
    #include <stdlib.h>
    #include <unistd.h>
    int main() {
        for (int i = 0; i < 6; i++) if (!fork()) { char *m = malloc(24 << 20); memset(m, 1, 24 << 20); pause(); }
        pause();
    }"#;

pub const OPENER: &str = r#"
    #include <stdio.h>
    #include <fcntl.h>
    int main() { int n = 0; while (open("/dev/null", O_RDONLY) >= 0) n++; printf("%d\n", n); }"#;

pub const WAYS: &str = r#"
    #define _GNU_SOURCE
    #include <stdio.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <unistd.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    static void tried(const char *name, long done) { printf("%s %d\n", name, done < 0 ? errno : 0); }
    int main() {
        char handle[256] = { 8, 0, 0, 0, 1 };
        int mount;
        tried("name_to_handle_at", syscall(SYS_name_to_handle_at, AT_FDCWD, "/data", handle, &mount, 0));
        tried("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY));
        tried("link", link("/data/secrets/key", "/data/mine"));
        tried("above", open("/data/../../../../data/secrets/key", O_RDONLY));
        int root = open("/", O_PATH | O_DIRECTORY);
        for (int i = 0; i < 64; i++) { int up = openat(root, "..", O_PATH | O_DIRECTORY); close(root); root = up; }
        struct stat a, b; fstat(root, &a); stat("/", &b);
        printf("same %d\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
        char path[64];
        for (int fd = 0; fd < 64; fd++) {
            snprintf(path, sizeof path, "/proc/self/fd/%d/../secrets/key", fd);
            if (open(path, O_RDONLY) >= 0) puts("leads");
        }
        tried("old root", open("/old", O_RDONLY));
        tried("write /usr", open("/usr/bin/env", O_WRONLY));
        tried("write /etc", open("/etc/passwd", O_WRONLY));
    }"#;
