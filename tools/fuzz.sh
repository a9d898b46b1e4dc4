#!/usr/bin/env bash
# Runs every fuzz target of the tree for the time given: tools/fuzz.sh 60s.
# Each package's test binary is built once for all its targets, instrumented so
# that the fuzzer sees which inputs lead further. That costs a build of all
# dependencies and a slow start: "tools/fuzz.sh 2s blind" does without, and
# tries some 50 times as many inputs in so short a time.
# Folders after that are the only ones to be looked through:
# "tools/fuzz.sh 60s instrumented exporters/host internal/bus".
# What a target finds is kept in its package's testdata/fuzz, for a test.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:?how long each target runs, as 60s}
instrument=(-fuzz=Fuzz)
if [ "${2:-}" = blind ]; then
	instrument=()
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cache=$(go env GOCACHE)/fuzz
targets=0 failed=()

# late tells whether all that went wrong is that the time was up in the middle
# of an input, which the fuzzer reports as a failure without one.
late() { grep -q '^ *context deadline exceeded$' "$1" && ! grep -q 'Failing input written' "$1"; }

folders=("${@:3}")
[ ${#folders[@]} -gt 0 ] || folders=(.)
mapfile -t files < <(grep -rlE '^func Fuzz[A-Z_]' --include='*_test.go' "${folders[@]}" | grep -v '/testdata/' | sort)
mapfile -t folders < <(for file in "${files[@]}"; do dirname "$file"; done | sort -u)
for folder in "${folders[@]}"; do
	go test -c "${instrument[@]}" -o "$work/fuzz.test" "./${folder#./}"
	mapfile -t names < <(cat "$folder"/*_test.go | sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' | sort -u)
	for name in "${names[@]}"; do
		targets=$((targets + 1))
		# By default the fuzzer would take a minute to make one input smaller that
		# leads further: all of its time.
		if ! (cd "$folder" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$time" -test.fuzzminimizetime 10x \
			-test.fuzzcachedir "$cache/${folder#./}" -test.parallel "${FUZZ_PARALLEL:-2}") >"$work/log" 2>&1 && ! late "$work/log"; then
			failed+=("$folder $name")
			cat "$work/log"
		fi
		printf '%-40s %-40s %s\n' "${folder#./}" "$name" "$(grep -oE 'execs: [0-9]+' "$work/log" | tail -1)"
	done
done
echo "$targets fuzz targets, $time each, ${#failed[@]} failed"
[ ${#failed[@]} -eq 0 ] || { printf 'FAILED: %s\n' "${failed[@]}"; exit 1; }
