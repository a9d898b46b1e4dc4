package packages

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tocsin/internal/lazy"
)

const (
	maxMaps    = 8 << 20   // bytes of one process's maps; one with 65,530 mappings has some 6 MB
	maxAllMaps = 256 << 20 // of all processes
	maxUnits   = 100       // on the page
)

// stale tells which processes still run code that was replaced.
type stale struct {
	units  map[string]int // processes by the unit that they belong to
	looked int            // processes that could be looked at
	unread int            // processes that could not
}

// readStale looks through the mappings of all processes of the machine. A
// process in a PID namespace of its own belongs to a container, which has
// libraries of its own; it is passed over.
func readStale(ctx context.Context, proc string) (stale, error) {
	found := stale{units: map[string]int{}}
	folder, err := os.Open(proc)
	if err != nil {
		return found, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return found, err
	}
	host, hostErr := os.Readlink(filepath.Join(proc, "1/ns/pid"))
	r := mapsReader{in: bufio.NewReaderSize(nil, 64<<10), left: maxAllMaps}
	for _, name := range names {
		if _, err := strconv.ParseUint(name, 10, 31); err != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return found, err
		}
		process := filepath.Join(proc, name)
		if own, err := os.Readlink(filepath.Join(process, "ns/pid")); err == nil && hostErr == nil && own != host {
			continue
		}
		runs, err := r.runsDeleted(filepath.Join(process, "maps"))
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH): // it has just ended
			continue
		case errors.Is(err, fs.ErrPermission):
			// A thread of the kernel, which maps nothing, has no command line.
			if line, err := readSmall(filepath.Join(process, "cmdline")); err != nil || line != "" {
				found.unread++
			}
			continue
		case err != nil:
			return found, err
		}
		found.looked++
		if runs {
			found.add(unitOf(process))
		}
	}
	return found, nil
}

func (f *stale) add(unit string) {
	if _, known := f.units[unit]; !known && len(f.units) >= maxUnits {
		unit = "others"
	}
	f.units[unit]++
}

// mapsReader reads the mappings of one process after another.
type mapsReader struct {
	in   *bufio.Reader
	left int64 // bytes that may still be read
}

var errTooMuch = fmt.Errorf("the processes have more than %d bytes of mappings; the rest was not looked at", maxAllMaps)

// runsDeleted tells whether a process has mapped code of a file that is no
// longer there. It stops at the first.
func (r *mapsReader) runsDeleted(path string) (bool, error) {
	if r.left <= 0 {
		return false, errTooMuch
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	limited := &io.LimitedReader{R: f, N: min(maxMaps, r.left)}
	before := limited.N
	defer func() { r.left -= before - limited.N }()
	r.in.Reset(limited)
	for {
		line, err := r.in.ReadSlice('\n')
		if deletedCode(line) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false, err
		}
	}
}

// deletedCode tells whether a line of /proc/PID/maps (proc_pid_maps(5)) is
// about code of a program or library that was deleted: what packages install
// lies in these folders. Data (locales, caches of fonts and icons) is mapped
// without the right to execute and does not matter.
//
//	7f8a2c200000-7f8a2c3b1000 r-xp 00028000 fe:01 1234   /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)
func deletedCode(line []byte) bool {
	line, deleted := bytes.CutSuffix(bytes.TrimRight(line, "\n"), []byte(" (deleted)"))
	if !deleted {
		return false
	}
	_, rest, _ := bytes.Cut(line, []byte(" "))
	slash := bytes.IndexByte(rest, '/')
	if len(rest) < 4 || rest[2] != 'x' || slash < 0 {
		return false
	}
	path := rest[slash:]
	path = bytes.TrimPrefix(path, []byte("/usr"))
	for _, folder := range []string{"/lib/", "/lib32/", "/lib64/", "/libx32/", "/libexec/", "/bin/", "/sbin/"} {
		if bytes.HasPrefix(path, []byte(folder)) {
			return true
		}
	}
	return false
}

// unitOf returns the unit of systemd that a process belongs to, or else its
// slice: of people's sessions it says user.slice only, of a container only
// that it is one, for their names are without number.
func unitOf(process string) string {
	content, err := readSmall(filepath.Join(process, "cgroup"))
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(content) {
		// 0::/path is cgroup v2's, 1:name=systemd:/path v1's (cgroups(7)).
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		if ok && (controllers == "name=systemd" || controllers == "" && path != "/") {
			return unitOfPath(path)
		}
	}
	return "unknown"
}

func unitOfPath(path string) string {
	unit := "unknown"
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "user.slice":
			return part
		case madeUp().MatchString(part):
			return "container"
		case strings.HasSuffix(part, ".service"), strings.HasSuffix(part, ".scope"), strings.HasSuffix(part, ".socket"):
			return strings.ToValidUTF8(part, "\uFFFD")
		case strings.HasSuffix(part, ".slice"):
			unit = strings.ToValidUTF8(part, "\uFFFD")
		}
	}
	return unit
}

// madeUp is a name that was drawn, as those of containers are.
var madeUp = lazy.Regexp(`[0-9a-f]{32}`)

// readSmall reads the beginning of a small file.
func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 16<<10))
	return string(b), err
}
