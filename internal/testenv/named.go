package testenv

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A Zone is one that a name server of a test serves.
type Zone struct {
	Name string // without a dot at its end
	Text string // in a zone file's form, with relative names
	From string // for Knot: the address of the server that it is copied from, in place of Text
}

// A NameServer is one that runs for one test, on a port of 127.0.0.0/8, as an
// authority for its zones and nothing else.
type NameServer struct {
	*Process
	dir string
}

// Named runs BIND on 127.0.0.1 until the test ends, and returns once it
// answers: it listens on addresses of interfaces only. It sends no
// notifications, so that a secondary lags behind a change.
func Named(t testing.TB, port int, zones ...Zone) *NameServer {
	t.Helper()
	program := Program(t, "named", "bind9")
	dir := t.TempDir()
	config := fmt.Sprintf(`options {
	directory %[1]q;
	pid-file %[2]q;
	session-keyfile none;
	listen-on port %[3]d { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	allow-transfer { any; };
	notify no;
	dnssec-validation no;
};
controls { };
`, dir, filepath.Join(dir, "pid"), port)
	for _, z := range zones {
		config += fmt.Sprintf("zone %q { type primary; file %q; };\n", z.Name, writeZone(t, dir, z))
	}
	p := Start(t, program, "-g", "-4", "-n", "1", "-c", write(t, dir, "named.conf", config))
	s := &NameServer{Process: p, dir: dir}
	s.await(t, "127.0.0.1", port)
	return s
}

// Knot runs Knot DNS until the test ends, and returns once it answers.
func Knot(t testing.TB, address string, port int, zones ...Zone) *NameServer {
	t.Helper()
	program := Program(t, "knotd", "knot")
	dir := ShortDir(t) // it has a socket there
	var remotes, list strings.Builder
	primaries := map[string]bool{}
	for _, z := range zones {
		if z.From == "" {
			fmt.Fprintf(&list, "  - domain: %s\n    file: %q\n", z.Name, writeZone(t, dir, z))
			continue
		}
		primaries[z.From] = true
		fmt.Fprintf(&list, "  - domain: %s\n    master: %q\n", z.Name, z.From)
	}
	for _, from := range slices.Sorted(maps.Keys(primaries)) {
		fmt.Fprintf(&remotes, "  - id: %q\n    address: %s@%d\n", from, from, port)
	}
	config := fmt.Sprintf("server:\n  rundir: %[1]q\n  listen: %[2]s@%[3]d\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"+
		"database:\n  storage: %[1]q\nlog:\n  - target: stderr\n    any: info\ntemplate:\n  - id: default\n    storage: %[1]q\n", dir, address, port)
	if remotes.Len() > 0 {
		config += "remote:\n" + remotes.String()
	}
	if list.Len() > 0 {
		config += "zone:\n" + list.String()
	}
	p := Start(t, program, "-c", write(t, dir, "knot.conf", config))
	s := &NameServer{Process: p, dir: dir}
	s.await(t, address, port)
	return s
}

// Replace gives a zone another text. The server has it after Reload.
func (s *NameServer) Replace(t testing.TB, z Zone) {
	t.Helper()
	writeZone(t, s.dir, z)
}

func (s *NameServer) await(t testing.TB, address string, port int) {
	t.Helper()
	Eventually(t, httpPatience, "the name server listens", func(ctx context.Context) error {
		if err := s.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

func writeZone(t testing.TB, dir string, z Zone) string {
	t.Helper()
	path := write(t, dir, z.Name+".zone", z.Text)
	return path
}

// Sign signs a zone with two keys of its own, key-signing and zone-signing,
// and returns it and the DS records that belong into its parent. Options are
// given to dnssec-signzone, as "-e", "+3600" for signatures that hold an hour.
func Sign(t testing.TB, z Zone, options ...string) (signed Zone, ds string) {
	t.Helper()
	keygen, signzone := Program(t, "dnssec-keygen", "bind9-utils"), Program(t, "dnssec-signzone", "bind9-utils")
	dir := t.TempDir()
	run := func(program string, args ...string) {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
		}
	}
	// Keys that were active for long: signatures may lie in the past.
	run(keygen, "-a", "ECDSAP256SHA256", "-P", "20200101000000", "-A", "20200101000000", "-f", "KSK", z.Name)
	run(keygen, "-a", "ECDSAP256SHA256", "-P", "20200101000000", "-A", "20200101000000", z.Name)
	file := writeZone(t, dir, z)
	run(signzone, append(append([]string{"-S", "-P", "-o", z.Name, "-f", "signed"}, options...), file)...)
	return Zone{Name: z.Name, Text: read(t, filepath.Join(dir, "signed"))}, read(t, filepath.Join(dir, "dsset-"+z.Name+"."))
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
