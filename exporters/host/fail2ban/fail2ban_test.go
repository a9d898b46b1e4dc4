package fail2ban

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
	"tocsin/internal/testenv"
)

// root makes a machine's / with a path that is short enough for a socket.
func root(t testing.TB) string {
	t.Helper()
	dir := testenv.ShortDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "run/fail2ban"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func socketOf(root string) string { return filepath.Join(root, "run/fail2ban/fail2ban.sock") }

// server starts the real fail2ban with two jails that read files of the
// test's and ban in words only.
func server(t *testing.T, root string) *testenv.Process {
	t.Helper()
	program := testenv.Program(t, "fail2ban-server", "fail2ban")
	conf := testenv.Tree(t, map[string]string{
		"fail2ban.conf":     "[Definition]\nloglevel = INFO\nlogtarget = SYSOUT\nsyslogsocket = auto\ndbfile = None\n",
		"filter.d/any.conf": "[Definition]\nfailregex = ^bad <HOST>$\n",
		"action.d/no.conf":  "[Definition]\nactionban =\nactionunban =\n",
		"auth.log":          "", "web.log": "",
	})
	jail := "\n[%s]\nenabled = true\nfilter = any\naction = no\nbackend = polling\nlogpath = " + conf + "/%s.log\nmaxretry = 4\nfindtime = 600\nbantime = %t\n"
	text := strings.NewReplacer("%s", "sshd", "%t", "3600").Replace(strings.Replace(jail, "%s.log", "auth.log", 1)) +
		strings.NewReplacer("%s", "web", "%t", "-1").Replace(jail)
	if err := os.WriteFile(filepath.Join(conf, "jail.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := testenv.Start(t, program, "-xf", "-c", conf, "-s", socketOf(root), "-p", filepath.Join(root, "pid"), "start")
	testenv.Eventually(t, time.Minute, "fail2ban has two jails", func(ctx context.Context) error {
		c, err := dial(ctx, socketOf(root))
		if err != nil {
			return err
		}
		defer c.conn.Close()
		names, err := c.jails()
		if err == nil && len(names) != 2 {
			err = errors.New("not all jails run yet")
		}
		return err
	})
	return p
}

func tell(t *testing.T, root string, words ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), testenv.Program(t, "fail2ban-client", "fail2ban"), append([]string{"-s", socketOf(root)}, words...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("fail2ban-client %v: %v\n%s", words, err, out)
	}
}

func TestFail2ban_realServer(t *testing.T) {
	dir := root(t)
	process := server(t, dir)
	tell(t, dir, "set", "sshd", "banip", "192.0.2.7", "2001:db8::7")
	tell(t, dir, "set", "web", "attempt", "198.51.100.9")
	c := New(dir, Config{Jails: []string{"sshd", "recidive"}})

	var r collectortest.Result
	testenv.Eventually(t, time.Minute, "the bans are counted", func(context.Context) error {
		if r = collectortest.Once(t, c); r.Samples["f2b_jail_banned_current{sshd}"] != 2 {
			return errors.New("not yet")
		}
		return nil
	})
	for name := range r.Samples {
		if strings.HasPrefix(name, "f2b_version{") {
			if !strings.HasPrefix(name, "f2b_version{tocsin|") {
				t.Errorf("the version is %s", name)
			}
			delete(r.Samples, name)
		}
		if strings.Contains(name, "192.0.2") || strings.Contains(name, "198.51") {
			t.Errorf("an address is told: %s", name)
		}
	}
	want := map[string]float64{
		"f2b_up": 1, "tocsin_host_fail2ban_readable": 1, "f2b_jail_count": 2, "tocsin_host_fail2ban_jail_running{sshd}": 1, "tocsin_host_fail2ban_jail_running{recidive}": 0,
		"f2b_jail_banned_current{sshd}": 2, "f2b_jail_banned_total{sshd}": 2, "f2b_jail_failed_current{sshd}": 0, "f2b_jail_failed_total{sshd}": 0,
		"f2b_jail_banned_current{web}": 0, "f2b_jail_banned_total{web}": 0, "f2b_jail_failed_current{web}": 1, "f2b_jail_failed_total{web}": 1,
		"f2b_config_jail_ban_time{sshd}": 3600, "f2b_config_jail_find_time{sshd}": 600, "f2b_config_jail_max_retries{sshd}": 4,
		"f2b_config_jail_ban_time{web}": -1, "f2b_config_jail_find_time{web}": 600, "f2b_config_jail_max_retries{web}": 4,
	}
	if diff := cmp.Diff(want, r.Samples); diff != "" || r.Reason != "" {
		t.Errorf("%s %s\n%s", r.Reason, r.Err, diff)
	}
	oldServer(t, dir)

	process.Kill() // which leaves the socket
	if r := collectortest.Once(t, c); r.Reason != "" || !maps.Equal(r.Samples, map[string]float64{"f2b_up": 0}) {
		t.Errorf("a server that was killed: %s %s %v", r.Reason, r.Err, r.Samples)
	}
}

// oldServer asks as a server before 1.0 must be asked: the answer has the
// addresses, as objects.
func oldServer(t *testing.T, dir string) {
	t.Helper()
	c, err := dial(t.Context(), socketOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	numbers, err := c.jail("sshd", "0.11.2")
	if err != nil || numbers != [4]float64{2, 0, 2, 0} {
		t.Errorf("with addresses: %v, %v", numbers, err)
	}
	if _, err := c.jail("nosuchjail", "1.0"); err == nil {
		t.Error("a jail that does not exist has numbers")
	}
	if v, err := c.version(); err != nil || v == "" {
		t.Errorf("after a refusal the conversation does not go on: %v", err)
	}
}

func TestFail2ban_whereThereIsNone(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		jails []string
		want  map[string]float64
	}{
		"not installed":         {nil, nil, map[string]float64{}},
		"a jail is expected":    {nil, []string{"sshd"}, map[string]float64{"f2b_up": 0}},
		"systemd should run it": {map[string]string{"etc/systemd/system/multi-user.target.wants/fail2ban.service": "-> /lib/systemd/system/fail2ban.service"}, nil, map[string]float64{"f2b_up": 0}},
	} {
		r := collectortest.Once(t, New(testenv.Tree(t, test.files), Config{Jails: test.jails}))
		if diff := cmp.Diff(test.want, r.Samples); diff != "" || r.Reason != "" {
			t.Errorf("%s: %s %s\n%s", name, r.Reason, r.Err, diff)
		}
	}
}

func TestFail2ban_saysWhichRightIsMissing(t *testing.T) {
	testenv.Root(t, "becomes another user, who may not write to the socket")
	dir := root(t)
	fake(t, dir, "")
	for _, path := range []string{dir, filepath.Join(dir, "run"), filepath.Join(dir, "run/fail2ban")} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(socketOf(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestFail2ban_asNobody", "-test.v")
	cmd.Env = append(os.Environ(), "TOCSIN_TEST_ROOT="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	copied := filepath.Join(dir, "test")
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.Path = copied
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "permission: "+socketOf(dir)+": it takes the right to write to the socket") || strings.Contains(string(out), "f2b_up") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFail2ban_asNobody is the other user's part of the test before.
func TestFail2ban_asNobody(t *testing.T) {
	dir := os.Getenv("TOCSIN_TEST_ROOT")
	if dir == "" {
		return
	}
	r := collectortest.Once(t, New(dir, Config{Jails: []string{"sshd"}}))
	t.Logf("%s: %s %v", r.Reason, r.Err, r.Samples)
	c := New(dir, Config{})
	if r := collectortest.Once(t, c); r.Reason != "" || !strings.Contains(c.(frame.Explainer).Explain(), "it takes the right") {
		t.Errorf("where no jail is expected: %s %s", r.Reason, r.Err)
	}
}

// fake is a server that answers everything with the same bytes.
func fake(t *testing.T, dir, answer string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socketOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { // until the listener is closed
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 1<<10))
				_, _ = io.WriteString(conn, answer)
			}()
		}
	}()
}

func TestFail2ban_answersThatAreWrong(t *testing.T) {
	for name, test := range map[string]struct{ answer, words string }{
		"nothing":        {"", "the conversation is over"},
		"cut off":        {"\x80\x05K", "the conversation is over"},
		"endless":        {strings.Repeat("K\x01", maxAnswer/2+10), "longer than"},
		"no pickle":      {"hello" + end, "not understood"},
		"foreign object": {"\x80\x05K\x00\x8c\x05posix\x8c\x06system\x93\x8c\x02ls\x85R\x86." + end, "something else than builtins.str"},
		"a refusal":      {"\x80\x05K\x01\x8c\x02no\x86." + end, "refused"},
		"another shape":  {"\x80\x05K\x00]\x86." + end, "not understood"},
	} {
		dir := root(t)
		fake(t, dir, test.answer)
		r := collectortest.Once(t, New(dir, Config{}))
		if r.Reason == "" || !strings.Contains(r.Err, test.words) || r.Samples["f2b_up"] != 0 {
			t.Errorf("%s: %q %s %v", name, r.Reason, r.Err, r.Samples)
		}
	}
}

func TestFail2ban_conformance(t *testing.T) {
	dir := root(t)
	fake(t, dir, "\x80\x05K\x00\x8c\x051.0.2\x86."+end)
	collectortest.Run(t, func(testing.TB) frame.Collector { return New(dir, Config{Jails: []string{"sshd"}}) })
}

func TestConfig_validate(t *testing.T) {
	p := problem.New()
	Config{Jails: []string{"sshd", "a, b", "sshd"}}.Validate(p)
	want := []problem.Problem{
		{Path: "jails[1]", Text: "\"a, b\" is no jail; write its name as `fail2ban-client status` has it, as sshd"},
		{Path: "jails[2]", Text: `"sshd" is there twice; strike one`},
	}
	if diff := cmp.Diff(want, p.All()); diff != "" {
		t.Error(diff)
	}
}
