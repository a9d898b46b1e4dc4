#!/usr/bin/env bash
# Everything that must hold before a change lands, in parts, each with its
# time. All parts run even when one fails; the end says which did, and lists in
# capitals what was skipped. tools/test.sh lint build runs these parts alone.
set -uo pipefail
cd "$(dirname "$0")/.."

# One way of building for vet, lint and the binary, so that they share what
# the build cache has of some 2,000 packages; the race detector has its own.
export CGO_ENABLED=0 GOFLAGS='-trimpath -tags=timetzdata'
tool() { go tool -modfile=tools/go.mod "$@"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TOCSIN_SKIPPED=$work/skipped
: >"$TOCSIN_SKIPPED"
skipped() { printf 'make test\t%s\t%s\t-\n' "$1" "$2" >>"$TOCSIN_SKIPPED"; }
if [ "${CI:-}" = true ]; then
	export TOCSIN_EXPECT_ALL=1
fi

# What cannot be installed without touching the machine is unpacked.
export TOCSIN_INN=${TOCSIN_INN:-/var/tmp/tocsin-inn}
part_packages() { tools/packages.sh && tools/inn.sh "$TOCSIN_INN"; }

part_generated() {
	local ok=0
	echo "format, by make fmt:"
	tool golangci-lint fmt --diff ./... || ok=1
	echo "go.mod and go.sum, by go mod tidy:"
	go mod tidy -diff || ok=1
	go -C tools mod tidy -diff || ok=1
	echo "changelog/unreleased, by tools/changelog.sh check:"
	tools/changelog.sh check || ok=1
	echo "generated files, by go generate ./...:"
	tree_state >"$work/before"
	go generate ./... || ok=1
	tree_state >"$work/after"
	diff "$work/before" "$work/after" || { echo "go generate changed the files above: commit what it writes"; ok=1; }
	return $ok
}

# tree_state names every file that git would see, with a sum of its content.
tree_state() {
	git ls-files --cached --others --exclude-standard -z | sort -zu | xargs -0 sha256sum 2>/dev/null
}

part_vet() { go vet ./...; }

part_lint() { tool golangci-lint run --allow-parallel-runners ./...; }

# Code that neither the program nor a test reaches is dead, and so is a package
# that the program does not link. What only tests reach is shown, for a reader
# to ask whether it should live in a test.
part_deadcode() {
	local dead
	dead=$(tool deadcode -test -filter '^tocsin(/|$)' ./...) || return 1
	[ -z "$dead" ] || dead+=$'\n'
	dead+=$(comm -23 \
		<(go list -f '{{if .GoFiles}}{{.ImportPath}}{{end}}' ./... | grep -vE 'test$|/internal/(testenv|layers)$' | sort) \
		<(go list -deps ./cmd/... | sort) | sed 's/$/: package that the program does not link/')
	echo "reached by tests alone:"
	tool deadcode -filter '^tocsin(/|$)' ./cmd/... | comm -23 <(sort) <(sort <<<"$dead") | sed 's/^/  /'
	if [ -n "$dead" ]; then
		printf 'dead:\n%s\n' "$dead"
		return 1
	fi
}

part_build() {
	make --no-print-directory build || return 1
	local linked direct all
	linked=$(go version -m bin/tocsin | grep -cE '^\s+dep\s')
	direct=$(go list -m -f '{{if not (or .Indirect .Main)}}{{.Path}}{{end}}' all | grep -c .)
	all=$(go list -m all | wc -l)
	echo "binary: $(stat -c %s bin/tocsin) bytes; modules: $direct direct, $linked linked, $all in the graph"
	if file bin/tocsin 2>/dev/null | grep -q 'dynamically linked'; then
		echo "bin/tocsin is not static"
		return 1
	fi
}

# Other machines are compiled for, not run.
part_systems() {
	local system ok=0
	for system in linux/arm64 freebsd/amd64 darwin/arm64; do
		GOOS=${system%/*} GOARCH=${system#*/} go build -o /dev/null ./cmd/tocsin && echo "$system: compiles" || ok=1
	done
	return $ok
}

part_vulnerabilities() {
	tool govulncheck ./... >"$work/vulnerabilities" 2>&1
	local status=$?
	if [ $status = 0 ] || [ $status = 3 ]; then # 3: the program calls something vulnerable
		cat "$work/vulnerabilities"
		return $status
	fi
	if grep -qiE 'dial tcp|no such host|fetching|403|proxyconnect|timeout' "$work/vulnerabilities"; then
		echo "the database of vulnerabilities cannot be reached from here"
		skipped govulncheck "its database of vulnerabilities cannot be reached from here"
		return 0
	fi
	cat "$work/vulnerabilities"
	return 1
}

# What may run beside others of its package waits most of the time, so six of
# them share the cores well.
race_tests() { CGO_ENABLED=1 GOFLAGS='' go test -race -count=1 -parallel 6 -timeout 40m "$@"; }

# Some twenty real servers and two busy cores now and then make a test too late.
# So up to three packages that failed are tried once more with the machine to
# themselves; what passes only then is told at the end, to be mended.
part_tests() {
	local packages
	race_tests ./... | tee "$work/tests" && return 0
	mapfile -t packages < <(awk '$1 == "FAIL" && NF == 3 && $3 ~ /^[0-9.]+s$/ {print $2}' "$work/tests")
	if grep -qE '^FAIL.*\[(build|setup) failed\]|^WARNING: DATA RACE' "$work/tests" || [ ${#packages[@]} -eq 0 ] || [ ${#packages[@]} -gt 3 ]; then
		return 1
	fi
	printf '\nonce more, by themselves: %s\n' "${packages[*]}"
	race_tests -p 1 "${packages[@]}" || return 1
	for package in "${packages[@]}"; do
		skipped "$package" 'it failed first, and passed when it had the machine to itself: mend what is above'
	done
}

all=(packages generated vet lint deadcode build systems vulnerabilities tests)
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=("${all[@]}")

times=() failed=()
for part in "${parts[@]}"; do
	if ! declare -F "part_$part" >/dev/null; then
		echo "no part is called $part; there are: ${all[*]}"
		exit 2
	fi
	printf '\n== %s\n' "$part"
	began=$(date +%s)
	result=ok
	"part_$part" || { result=FAILED; failed+=("$part"); }
	took=$(($(date +%s) - began))
	printf '== %s: %s, %d s\n' "$part" "$result" "$took"
	times+=("$(printf '%-16s %5d s  %s' "$part" "$took" "$result")")
done

printf '\nThe time of each part:\n'
printf '  %s\n' "${times[@]}"
if [ -s "$TOCSIN_SKIPPED" ]; then
	printf '\nSKIPPED, AND WHY:\n'
	sort -u "$TOCSIN_SKIPPED" | awk -F '\t' '{
		line = "  " toupper($1 ": " ($2 == "-" ? "" : $2 ": ") $3)
		print line ($4 == "-" ? "" : " (INSTALL " $4 ")")
	}'
else
	printf '\nNOTHING WAS SKIPPED.\n'
fi
if [ ${#failed[@]} -gt 0 ]; then
	printf '\nFAILED: %s\n' "${failed[*]}"
	exit 1
fi
printf '\nAll parts passed.\n'
