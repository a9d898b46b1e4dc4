package accounts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

const maxSessions = 10_000

// errNoSessions says that nobody writes down who is logged in.
var errNoSessions = errors.New("no record of sessions")

// countSessions counts who is logged in: by systemd-logind's own files, and
// where these have nobody by utmp, which Debian 13 has no more. The folder of
// the former may be there although logind does not run.
func countSessions(root, proc string) (int, error) {
	logind, logindErr := logindSessions(filepath.Join(root, "run/systemd/sessions"))
	if logind > 0 || logindErr != nil && !errors.Is(logindErr, fs.ErrNotExist) {
		return logind, logindErr
	}
	n, err := utmpSessions(filepath.Join(root, "run/utmp"), proc)
	if !errors.Is(err, fs.ErrNotExist) {
		return n, err
	}
	if logindErr != nil {
		return 0, errNoSessions
	}
	return 0, nil
}

// logindSessions counts the sessions of people: each has a file with its
// class; those of services, of the manager and of greeters have others. The
// pipes beside them end in .ref.
func logindSessions(folder string) (int, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	count := 0
	for i, e := range entries {
		if i == maxSessions {
			return count, fmt.Errorf("%s: more than %d files", folder, maxSessions)
		}
		if !e.Type().IsRegular() {
			continue
		}
		text, err := readSmall(filepath.Join(folder, e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just ended
		case err != nil:
			return count, err
		case strings.Contains("\n"+text, "\nCLASS=user\n") && !strings.Contains(text, "\nSTATE=closing\n"):
			count++
		}
	}
	return count, nil
}

// userProcess is the type of an entry of utmp(5) that is a session.
const userProcess = 7

// utmpSessions counts the entries of sessions whose process lives.
func utmpSessions(path, proc string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSessions*400))
	if err != nil {
		return 0, err
	}
	count := 0
	size := utmpSize(runtime.GOARCH)
	for ; len(content) >= size; content = content[size:] {
		// ut_type is a short, ut_pid an int that is aligned.
		pid := int32(binary.NativeEndian.Uint32(content[4:])) //nolint:gosec // that is how it is stored
		if binary.NativeEndian.Uint16(content) != userProcess || pid <= 0 {
			continue
		}
		if _, err := os.Stat(filepath.Join(proc, strconv.Itoa(int(pid)))); err == nil {
			count++
		}
	}
	if len(content) > 0 {
		return count, fmt.Errorf("%s: the last entry is cut off", path)
	}
	return count, nil
}

// utmpSize is the length of struct utmp in bytes: where a machine never had
// 32 bits beside its 64, session and time are longer (glibc, bits/utmp.h and
// __WORDSIZE_TIME64_COMPAT32).
func utmpSize(arch string) int {
	switch arch {
	case "arm64", "riscv64", "loong64":
		return 400
	}
	return 384
}

func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 16<<10))
	return string(b), err
}
