#!/usr/bin/env bash
# Installs the Debian packages that the tests need, without starting their
# services, now or at boot. Elsewhere than on Debian, or without the right to
# install, it says so and changes nothing; the tests then say what they skip.
set -euo pipefail
cd "$(dirname "$0")/.."

list=packaging/test-packages.txt
policy=/usr/sbin/policy-rc.d

installed() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' | awk '$1 == "installed" {print $2}' | sort -u; }
missing() { comm -13 <(installed) <(sed 's/#.*//' "$list" | awk 'NF {print $1}' | sort -u); }

if ! command -v apt-get dpkg-query >/dev/null; then
	echo "not Debian: no packages are installed; tests that miss a program are skipped, and listed at the end"
	exit 0
fi
mapfile -t packages < <(missing)
if [ ${#packages[@]} -eq 0 ]; then
	echo "all packages that the tests need are installed"
	exit 0
fi

sudo=()
if [ "$(id -u)" != 0 ]; then
	if ! sudo -n true 2>/dev/null; then
		echo "no right to install packages; to run all tests: sudo apt-get install ${packages[*]}"
		exit 0
	fi
	sudo=(sudo -n)
fi

# invoke-rc.d asks policy-rc.d before it starts a service; 101 is "no".
# Whatever stood there is put back, whichever way this script ends.
kept=$(mktemp -d)
if "${sudo[@]}" test -e "$policy"; then
	"${sudo[@]}" cp -p "$policy" "$kept/policy-rc.d"
fi
restore() {
	if [ -e "$kept/policy-rc.d" ]; then
		"${sudo[@]}" cp -p "$kept/policy-rc.d" "$policy"
	else
		"${sudo[@]}" rm -f "$policy"
	fi
	rm -rf "$kept"
}
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
"${sudo[@]}" chmod 755 "$policy"

echo "installing ${packages[*]}; their services are not started"
installed >"$kept/before"
apt() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -qq "$@"; }
if ! { apt update && apt install -y --no-install-recommends "${packages[@]}"; } >"$kept/log" 2>&1; then
	tail -20 "$kept/log"
	echo "the packages could not be installed; tests that miss a program say so"
	exit 0
fi

# Debian enables services at installation: the next boot would start them.
installed | comm -13 "$kept/before" - | while read -r package; do
	dpkg -L "$package" | sed -nE 's,^(/usr)?/lib/systemd/system/([^/@]+\.(service|timer|socket))$,\2,p'
done | sort -u | while read -r unit; do
	if command -v systemctl >/dev/null && [ "$(systemctl is-enabled "$unit" 2>/dev/null)" = enabled ]; then
		"${sudo[@]}" systemctl disable --quiet "$unit" >/dev/null 2>&1 && echo "disabled $unit, which the installation had enabled"
	fi
done
