# Boots a system with systemd as its first process, in namespaces of its own: boot-container.sh CGROUPS GROUP ROOT
groups=$1 group=$2 root=$3
mkdir "$groups/$group"
end() {
	# What is left of it has been killed with its first process.
	find "$groups/$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
}
trap end EXIT
inside='
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for folder in dev/shm run tmp; do mount -t tmpfs tmpfs "$root/$folder"; done
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i container=mpo-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd'
# In the group before the namespace is made: that is its root then.
sh -ec 'echo $$ >"$1/cgroup.procs"
exec unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net sh -ec "$2" sh "$3"' \
	sh "$groups/$group" "$inside" "$root"
