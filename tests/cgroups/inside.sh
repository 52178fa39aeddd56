#!/bin/sh
# The first process of the machine that `run` starts: what a control group holds of native commands, as root and as a user.
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mount -t cgroup2 groups /sys/fs/cgroup
export PATH=/bin NO_COLOR=1

cat >/tmp/tries.sh <<'EOS'
export PATH=/bin NO_COLOR=1 HOME=/tmp RINGFENCE_DATA_DIR=/tmp/data-$1
run="ringfence run --backend process --require memory_bytes --memory-bytes 64MiB --deadline-ms 60000 --dir /att::/att:ro"
echo "$1 claims: $(ringfence backends process | grep -c 'control group')"
echo "$1 group: $($run -- /bin/cat /proc/self/cgroup)"
$run --json -- /att/herd >/tmp/out-$1; echo "$1 herd: $? $(grep -o '"peak_memory_bytes": [0-9]*' /tmp/out-$1)"
$run -- /bin/dd if=/dev/zero of=/tmp/x bs=1M count=100 2>/dev/null; echo "$1 files: $?"
echo "$1 forks: $($run -- /att/bomb)"
echo "$1 left: $(find /sys/fs/cgroup -name 'ringfence-*' | wc -l)"
EOS
echo # after what the machine says as it starts
sh /tmp/tries.sh root
# What systemd does for a user: a folder of groups that is his, and a leaf in it for his shell.
mkdir -p /sys/fs/cgroup/user/app/shell
for folder in /sys/fs/cgroup /sys/fs/cgroup/user; do echo '+memory +pids +cpu' >$folder/cgroup.subtree_control; done
chown -R user:user /sys/fs/cgroup/user/app
echo $$ >/sys/fs/cgroup/user/app/shell/cgroup.procs
su user -c 'sh /tmp/tries.sh user'
poweroff -f
