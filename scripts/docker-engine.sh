#!/bin/sh
# Supervises one private dockerd for scripts/docker-engine.ts: runs it in a pid and a mount namespace of its own and, when
# standard input ends or dockerd does, removes every process, mount, cgroup, network device and file of it. The end of
# standard input is the only signal, so a caller that is killed -9 leaves nothing behind either.
# Arguments: folder, name (network device and cgroup), address of the bridge, "keep" to keep the folder's images.
set -u
dir=$1 name=$2 address=$3 keep=${4:-}

if [ "${JUICE_ENGINE_INSIDE:-}" = "$name" ]; then
  # First process of the namespaces: when it exits the kernel kills the rest (containers and their shims), and the mounts go.
  # containerd keeps sockets below /run/containerd whatever its configuration says, and dockerd takes a system's
  # containerd that it finds there: both must be ours alone.
  mount -t tmpfs containerd /run/containerd
  mkdir -p "$dir/probe/lower" "$dir/probe/upper" "$dir/probe/work" "$dir/probe/merged"
  driver=overlay2
  mount -t overlay overlay -o "lowerdir=$dir/probe/lower,upperdir=$dir/probe/upper,workdir=$dir/probe/work" \
    "$dir/probe/merged" 2>/dev/null && umount "$dir/probe/merged" || driver=vfs
  rm -rf "$dir/probe"
  exec 3<&0
  # Where the machine is so busy that containerd seems dead, dockerd has it write its stacks to the folder of temporary
  # files, and starts it again: what it wrote goes with the engine.
  mkdir -p "$dir/run/tmp"
  TMPDIR=$dir/run/tmp dockerd --config-file "$dir/$name.json" --storage-driver "$driver" >"$dir/dockerd.log" 2>&1 </dev/null 3<&- &
  dockerd=$!
  { read -r _ <&3; kill -9 $dockerd; } &
  wait $dockerd
  exit 0
fi

trap '' HUP INT TERM
exec 9>"$dir/lock"
if ! flock -n 9; then
  echo "another engine runs in $dir" >&2
  rm -f "$dir/$name.json"
  exit 1
fi
# What an engine that died with its machine left here: process ids in it mean nothing now.
rm -rf "$dir/run" "$dir/docker.pid" "$dir/docker.sock"
mkdir -p /run/containerd

if ip link add name "$name" type bridge && ip address add "$address" dev "$name" && ip link set "$name" up; then
  JUICE_ENGINE_INSIDE=$name unshare --mount --propagation slave --pid --fork --kill-child --mount-proc \
    /bin/sh "$0" "$@"
  # Read by the caller if it never got to see the engine answer.
  tail -n 15 "$dir/dockerd.log" >&2
fi

ip link delete "$name" 2>/dev/null
# The kernel may take a moment to let go of a cgroup whose last process just ended.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  left=$(find /sys/fs/cgroup -depth -type d -path "*/$name*" -print 2>/dev/null)
  [ -n "$left" ] || break
  # shellcheck disable=SC2086
  rmdir $left 2>/dev/null || sleep 0.1
done
if [ "$keep" = keep ]; then
  rm -rf "$dir/run" "$dir/docker.pid" "$dir/docker.sock" "$dir/$name.json"
else
  rm -rf "$dir"
fi
