#!/usr/bin/env bash
# Unpacks the RabbitMQ 4 of Debian 13, with the Erlang and the libraries that
# it needs, into a folder of its own, in which the tests then run it (chroot,
# as root). Nothing is installed. The packages come from where this machine's
# own do, and apt checks their signatures. Usage: rabbitmq-4.sh FOLDER; what is
# there already stays.
set -euo pipefail

folder=$1
[ -e "$folder/complete" ] && exit 0
rm -rf "$folder"
mkdir -p "$folder"
chmod 755 "$folder" # the broker runs as another user
folder=$(cd "$folder" && pwd)
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
chmod 755 "$state"
mkdir -p "$state/lists/partial" "$state/archives/partial"
: >"$state/status" # nothing is installed there

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | sort -u | grep '/debian/$' | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$state/sources.list"
cat >"$state/apt.conf" <<END
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state";
Dir::Cache::archives "$state/archives";
APT::Install-Recommends "0";
APT::Sandbox::User "root";
Debug::NoLocking "1";
END
export APT_CONFIG=$state/apt.conf
apt-get -q update
apt-get -q -y --download-only install rabbitmq-server dash bash coreutils sed grep mawk libc-bin

for name in bin sbin lib lib64; do
	mkdir -p "$folder/usr/$name"
	ln -s "usr/$name" "$folder/$name"
done
for package in "$state"/archives/*.deb; do
	case $package in
	*/*python3*) ;; # of its scripts for operators alone
	*) dpkg-deb --fsys-tarfile "$package" | tar xf - -C "$folder" --keep-directory-symlink ;;
	esac
done
mkdir -p "$folder/dev" "$folder/proc" "$folder/tmp"
chmod 1777 "$folder/tmp"
mknod -m 666 "$folder/dev/null" c 1 3
mknod -m 666 "$folder/dev/urandom" c 1 9
ln -sf dash "$folder/usr/bin/sh"
ln -sf mawk "$folder/usr/bin/awk"
echo "127.0.0.1 localhost" >"$folder/etc/hosts"
touch "$folder/complete"
chroot "$folder" /usr/bin/dash -c 'ls /usr/lib/rabbitmq/lib'
