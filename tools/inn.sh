#!/usr/bin/env bash
# Unpacks INN, Debian's news server, with the libraries that few machines have,
# into a folder of its own, in which the tests then run its nnrpd. It is not
# installed: its installation fails on a machine without a domain, wants a mail
# server, and changes /etc/aliases. The packages come from where this machine's
# own do, and apt checks their signatures. Usage: inn.sh FOLDER; what is there
# already stays. Where it cannot be had, that is said, and is no failure.
set -euo pipefail

folder=$1
[ -e "$folder/complete" ] && exit 0
if ! command -v apt-get dpkg-deb >/dev/null; then
	echo "not Debian: INN is not unpacked; its tests are skipped, and listed at the end"
	exit 0
fi
rm -rf "$folder"
mkdir -p "$folder"
chmod 755 "$folder"
folder=$(cd "$folder" && pwd)
archives=$(mktemp -d)
trap 'rm -rf "$archives"' EXIT
cd "$archives"

mapfile -t libraries < <(apt-cache depends inn2 | awk '/Depends: lib(canlock|python|perl)[0-9.]+$/ {print $2}' | sort -u)
if ! apt-get -q download inn2 inn2-inews "${libraries[@]}" >log 2>&1; then
	tail -3 log
	echo "INN could not be fetched; its tests say so"
	exit 0
fi
for package in *.deb; do
	dpkg-deb --fsys-tarfile "$package" | tar xf - -C "$folder" --no-same-owner ./usr/lib
done
chmod -R ug-s,a+rX "$folder" # one program had root's rights
touch "$folder/complete"
echo "INN is unpacked in $folder"
