#!/usr/bin/env bash
# The changes since the last release are files in changelog/unreleased.
#   tools/changelog.sh check            refuses lines that are not in the form
#   tools/changelog.sh show             prints them, sorted by kind
#   tools/changelog.sh release VERSION  moves them to CHANGELOG.md
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob

kinds=(CHANGE FEATURE ENHANCEMENT BUGFIX SECURITY)
files=(changelog/unreleased/*.md)
form="^\[($(IFS='|'; echo "${kinds[*]}"))\] [a-z][a-z/ -]*: .*[.?!)](( #[0-9]+)*)\$"

check() {
	local wrong=0
	for file in "${files[@]}"; do
		if ! [ -s "$file" ]; then
			echo "$file: is empty"
			wrong=1
		fi
		if lines=$(grep -nvE "$form" "$file"); then
			while read -r line; do echo "$file:$line"; done <<<"$lines"
			wrong=1
		fi
	done
	if [ $wrong = 1 ]; then
		echo "write one change a line, as: [FEATURE] area: what is possible now. #12"
		return 1
	fi
}

show() {
	for kind in "${kinds[@]}"; do
		[ ${#files[@]} -eq 0 ] || { cat "${files[@]}" | grep -F "[$kind]" | sort | sed 's/^/- /'; } || true
	done
}

case ${1:-} in
check) check ;;
show) show ;;
release)
	version=${2:?which version, as 0.1.0}
	check
	entries=$(show)
	[ -n "$entries" ] || { echo "nothing to release"; exit 1; }
	{
		sed '/^## /,$d' CHANGELOG.md
		printf '\n## %s / %s\n%s\n' "$version" "$(date -u +%F)" "$entries"
		if grep -q '^## ' CHANGELOG.md; then
			echo
			sed -n '/^## /,$p' CHANGELOG.md
		fi
	} | cat -s >CHANGELOG.new
	mv CHANGELOG.new CHANGELOG.md
	rm "${files[@]}"
	echo "CHANGELOG.md has $version now: look, commit, and tag v$version"
	;;
*)
	sed -n '2,6s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
