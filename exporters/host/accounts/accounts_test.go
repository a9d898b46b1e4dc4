package accounts

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// run runs the collector on a machine whose files lie under root.
func run(t testing.TB, root string) collectortest.Result {
	t.Helper()
	return collectortest.Once(t, New(root, filepath.Join(root, "proc")))
}

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE comment\n"

func machine() map[string]string {
	return map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\nsync:x:4:65534::/bin:/bin/sync\n# a comment\n\n+@nis:::::\n" +
			"alice:x:1000:1000:Alice:/home/alice:/bin/zsh\nbob:x:1001:1001::/home/bob:\ntoor:x:0:0::/root:/bin/sh\npostgres:x:100:105::/var/lib/postgresql:/bin/bash\nopen::1002:27::/home/open:/bin/false\n",
		"etc/group":                       "root:x:0:\nsudo:x:27:alice,bob\ndocker:x:998:\nusers:x:100:alice\nwheelie:x:9:alice\n",
		"etc/shadow":                      "root:*:1:0:99999:7:::\nalice:$y$j9T$x:1:0:99999:7:::\nbob::1:0:99999:7:::\nopen:!:1:0:99999:7:::\nformer::1::::::\n",
		"root/.ssh/authorized_keys":       "# " + key + "\n" + key + `command="/bin/x y",no-pty ` + key,
		"home/alice/.ssh/authorized_keys": key, "home/alice/.ssh/authorized_keys2": key + "noise\n",
		"run/systemd/sessions/3": "# This is private data.\nUID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\nREMOTE=1\nCLASS=user\n",
		"run/systemd/sessions/4": "UID=1000\nSTATE=closing\nCLASS=user\n", "run/systemd/sessions/c1": "UID=112\nSTATE=active\nCLASS=greeter\n",
		"proc/1/x": "",
	}
}

func TestAccounts_countsAndNamesNobody(t *testing.T) {
	r := run(t, testenv.Tree(t, machine()))
	want := map[string]float64{
		"tocsin_host_login_accounts": 5, "tocsin_host_root_accounts": 2, "tocsin_host_passwordless_accounts": 2,
		"tocsin_host_root_group_members{sudo}": 3, "tocsin_host_root_group_members{docker}": 0,
		// root and toor share a home
		"tocsin_host_authorized_keys": 6, "tocsin_host_authorized_keys_unread_accounts": 0, "tocsin_host_authorized_keys_elsewhere": 0, "tocsin_host_login_sessions": 1,
	}
	if diff := cmp.Diff(want, r.Samples); diff != "" || r.Reason != "" {
		t.Errorf("%s %s\n%s", r.Reason, r.Err, diff)
	}
}

func TestAccounts_whatCannotBeKnownIsAbsent(t *testing.T) {
	files := machine()
	delete(files, "etc/shadow")
	delete(files, "etc/group")
	for name := range files {
		if strings.HasPrefix(name, "run/") {
			delete(files, name)
		}
	}
	r := run(t, testenv.Tree(t, files))
	for _, name := range []string{"tocsin_host_passwordless_accounts", "tocsin_host_root_group_members{sudo}", "tocsin_host_login_sessions"} {
		if v, ok := r.Samples[name]; ok {
			t.Errorf("%s is %v", name, v)
		}
	}
	if r.Samples["tocsin_host_login_accounts"] != 5 || !strings.Contains(r.Err, "etc/group") {
		t.Errorf("%v %s", r.Samples, r.Err)
	}
	if r := run(t, t.TempDir()); r.Reason != "" || len(r.Samples) > 0 {
		t.Errorf("a machine without accounts: %s %v", r.Reason, r.Samples)
	}
}

// Lines hold names: errors say which, not what.
func TestAccounts_damageIsToldByLineWithoutNames(t *testing.T) {
	for name, hurt := range map[string]func(string) string{
		"cut":   func(s string) string { return s[:len(s)*2/3] + "\nsecretname" },
		"noise": func(string) string { return "secretname\x00\xff\n:::::::::\n:" },
		"empty": func(string) string { return "" },
		"long":  func(s string) string { return s + strings.Repeat("secretname", 200_000) },
	} {
		for file := range machine() {
			files := machine()
			files[file] = hurt(files[file])
			r := run(t, testenv.Tree(t, files))
			if r.Reason == frame.ReasonPanic || r.Reason == frame.ReasonInvalid || strings.Contains(r.Err, "secretname") {
				t.Errorf("%s, %s: %s: %s", name, file, r.Reason, r.Err)
			}
			if strings.HasPrefix(file, "etc/") && (name == "cut" || name == "noise") && !strings.Contains(r.Err, file+": line") {
				t.Errorf("%s, %s: the error is %q", name, file, r.Err)
			}
		}
	}
}

func TestKeys_areWhereSshdLooks(t *testing.T) {
	for name, test := range map[string]struct {
		settings  map[string]string
		count     int
		elsewhere bool
	}{
		"as built in":    {map[string]string{"etc/ssh/sshd_config": "# AuthorizedKeysFile /x\nPort 22\n"}, 6, false},
		"one file":       {map[string]string{"etc/ssh/sshd_config": "authorizedkeysfile=.ssh/authorized_keys2\nAuthorizedKeysFile none\n"}, 1, false},
		"none":           {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysFile none\n"}, 0, false},
		"by name":        {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysFile /etc/keys/%u %h/.ssh/authorized_keys2\n", "etc/keys/bob": key + key}, 3, false},
		"included first": {map[string]string{"etc/ssh/sshd_config": "Include sshd_config.d/*.conf\nAuthorizedKeysFile none\n", "etc/ssh/sshd_config.d/a.conf": "AuthorizedKeysFile \"/etc/keys/%U\"\n", "etc/keys/1001": key}, 1, false},
		"by a command":   {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand /usr/bin/sss_ssh_authorizedkeys\n"}, 6, true},
		"no command":     {map[string]string{"etc/ssh/sshd_config": "AuthorizedKeysCommand none\n"}, 6, false},
		"for some":       {map[string]string{"etc/ssh/sshd_config": "Match Group sftp\n  AuthorizedKeysFile /etc/keys/%u\n"}, 6, true},
		"in a circle":    {map[string]string{"etc/ssh/sshd_config": "Include sshd_config\n"}, 6, false},
		"not a file":     {map[string]string{"etc/ssh/sshd_config/x": ""}, 6, false},
	} {
		files := machine()
		maps.Copy(files, test.settings)
		r := run(t, testenv.Tree(t, files))
		if r.Samples["tocsin_host_authorized_keys"] != float64(test.count) || r.Samples["tocsin_host_authorized_keys_elsewhere"] != truth(test.elsewhere) {
			t.Errorf("%s: %v keys, elsewhere %v, want %d, %v", name, r.Samples["tocsin_host_authorized_keys"], r.Samples["tocsin_host_authorized_keys_elsewhere"], test.count, test.elsewhere)
		}
	}
}

// Somebody makes a pipe of his file, to make the watch wait for ever.
func TestKeys_aPipeIsNotWaitedFor(t *testing.T) {
	files := machine()
	delete(files, "home/alice/.ssh/authorized_keys")
	root := testenv.Tree(t, files)
	if err := unix.Mkfifo(filepath.Join(root, "home/alice/.ssh/authorized_keys"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, root)
	if r.Reason != "" || r.Samples["tocsin_host_authorized_keys"] != 5 || r.Samples["tocsin_host_authorized_keys_unread_accounts"] != 1 {
		t.Errorf("%s %s %v", r.Reason, r.Err, r.Samples)
	}
}

// useradd makes the files, and ssh-keygen the key.
func TestAccounts_madeByTheRealTools(t *testing.T) {
	testenv.Root(t, "useradd needs it")
	root := testenv.Tree(t, map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/bash\n", "etc/group": "root:x:0:\nsudo:x:27:\n", "etc/shadow": "root:*:19000:0:99999:7:::\n", "etc/gshadow": "", "etc/login.defs": ""})
	useradd := testenv.Program(t, "useradd", "passwd")
	keygen := testenv.Program(t, "ssh-keygen", "openssh-client")
	command := func(name string, args ...string) {
		if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	before := run(t, root)
	command(useradd, "--prefix", root, "--shell", "/bin/bash", "--groups", "sudo", "--create-home", "alice")
	command(useradd, "--prefix", root, "--shell", "/usr/sbin/nologin", "--system", "daemon")
	home := filepath.Join(root, "home/alice/.ssh")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(home, "id"))
	public, err := os.ReadFile(filepath.Join(home, "id.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "authorized_keys"), public, 0o600); err != nil {
		t.Fatal(err)
	}
	after := run(t, root)
	for name, want := range map[string][2]float64{"tocsin_host_login_accounts": {1, 2}, "tocsin_host_root_group_members{sudo}": {0, 1}, "tocsin_host_authorized_keys": {0, 1}, "tocsin_host_root_accounts": {1, 1}, "tocsin_host_passwordless_accounts": {0, 0}} {
		if before.Samples[name] != want[0] || after.Samples[name] != want[1] {
			t.Errorf("%s is %v, then %v; want %v", name, before.Samples[name], after.Samples[name], want)
		}
	}
	if after.Reason != "" {
		t.Errorf("%s: %s", after.Reason, after.Err)
	}
}

// utmp makes a file of entries: a type and a process each.
func utmp(entries ...[2]int) string {
	var b bytes.Buffer
	for _, e := range entries {
		entry := make([]byte, utmpSize(runtime.GOARCH))
		binary.NativeEndian.PutUint16(entry, uint16(e[0]))
		binary.NativeEndian.PutUint32(entry[4:], uint32(e[1]))
		b.Write(entry)
	}
	return b.String()
}

func TestSessions_byUtmpWhereLogindHasNobody(t *testing.T) {
	entries := utmp([2]int{2, 0}, [2]int{7, 10}, [2]int{7, 11}, [2]int{8, 10}, [2]int{7, 999}, [2]int{7, -1})
	for name, test := range map[string]struct {
		files map[string]string
		want  float64 // -1: absent
		err   string
	}{
		"utmp":                {map[string]string{"run/utmp": entries}, 2, ""},
		"logind runs not":     {map[string]string{"run/utmp": entries, "run/systemd/sessions/1.ref/x": ""}, 2, ""},
		"logind, no utmp":     {map[string]string{"run/systemd/sessions/c1": "CLASS=greeter\n"}, 0, ""},
		"cut off":             {map[string]string{"run/utmp": entries[:len(entries)-1]}, -1, "run/utmp: the last entry is cut off"},
		"empty":               {map[string]string{"run/utmp": ""}, 0, ""},
		"nobody keeps record": {nil, -1, ""},
	} {
		files := map[string]string{"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "", "proc/10/x": "", "proc/11/x": ""}
		maps.Copy(files, test.files)
		r := run(t, testenv.Tree(t, files))
		if got, ok := r.Samples["tocsin_host_login_sessions"]; ok == (test.want == -1) || ok && got != test.want {
			t.Errorf("%s: %v (%v), want %v", name, got, ok, test.want)
		}
		if !strings.Contains(r.Err, test.err) || test.err == "" && r.Err != "" {
			t.Errorf("%s: %q", name, r.Err)
		}
	}
}

func TestAccounts_conformance(t *testing.T) {
	made := testenv.Tree(t, machine())
	for name, root := range map[string]string{"made up": made, "this machine": "/"} {
		t.Run(name, func(t *testing.T) {
			collectortest.Run(t, func(testing.TB) frame.Collector { return New(root, filepath.Join(root, "proc")) })
		})
	}
	if r := run(t, "/"); r.Reason != "" || r.Samples["tocsin_host_login_accounts"] < 1 || r.Samples["tocsin_host_root_accounts"] < 1 {
		t.Errorf("%s %s %v", r.Reason, r.Err, r.Samples)
	}
}

func FuzzAccounts(f *testing.F) {
	m := machine()
	f.Add(m["etc/passwd"], m["etc/group"], m["etc/shadow"], "Include x\nMatch y\nAuthorizedKeysFile %h/%u\n", utmp([2]int{7, 1}))
	f.Fuzz(func(t *testing.T, passwd, group, shadow, sshd, utmp string) {
		root := testenv.Tree(t, map[string]string{"etc/passwd": passwd, "etc/group": group, "etc/shadow": shadow, "etc/ssh/sshd_config": sshd, "run/utmp": utmp})
		if r := run(t, root); r.Reason == frame.ReasonPanic || r.Reason == frame.ReasonInvalid {
			t.Error(r.Reason, r.Err)
		}
	})
}

func BenchmarkAccounts(b *testing.B) {
	files := machine()
	for i := range 200 {
		files["etc/passwd"] += fmt.Sprintf("u%d:x:%d:100::/home/u%d:/bin/bash\n", i, 2000+i, i)
		files[fmt.Sprintf("home/u%d/.ssh/authorized_keys", i)] = key
	}
	root := testenv.Tree(b, files)
	c := New(root, filepath.Join(root, "proc"))
	for b.Loop() {
		if err := c.Collect(b.Context(), frame.NewSink(c.Families())); err != nil {
			b.Fatal(err)
		}
	}
}
