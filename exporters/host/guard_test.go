//go:build linux

package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tocsin/internal/frame"
	"tocsin/internal/problem"
	"tocsin/internal/testenv"
)

// inNetwork runs f on a thread with a network namespace of its own.
func inNetwork(t *testing.T, f func()) {
	t.Helper()
	testenv.Root(t, "makes a network namespace, and rules in it")
	done := make(chan error)
	var run func()
	run = func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if unix.Gettid() == os.Getpid() {
			// But for the first one, which stays, and whose network /proc/net is that
			// of the whole process: it is kept busy while another is taken.
			defer runtime.UnlockOSThread()
			other := make(chan struct{})
			go func() { defer close(other); run() }()
			<-other
			return
		}
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}
	go run()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// dumped asks the kernel and keeps the answers: the frame runs a collector on
// another thread, and so in another network.
func dumped(t *testing.T, kinds ...uint16) map[uint16][][]byte {
	lists := map[uint16][][]byte{}
	for _, kind := range kinds {
		kind += unix.NFNL_SUBSYS_NFTABLES << 8
		err := dump(t.Context(), unix.NETLINK_NETFILTER, kind, make([]byte, 4), func(entry []byte) error {
			lists[kind] = append(lists[kind], slices.Clone(entry))
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	return lists
}

func TestFirewall_realKernel(t *testing.T) {
	nft := testenv.Program(t, "nft", "nftables")
	for name, test := range map[string]struct {
		rules string
		want  map[string]float64
	}{
		"none":               {"", map[string]float64{"tocsin_host_firewall_loaded": 0, `tocsin_host_firewall_rules{family="inet"}`: 0, "tocsin_host_firewall_required": 1}},
		"an empty chain":     {"table inet filter { chain input { type filter hook input priority 0; policy accept; } }", map[string]float64{"tocsin_host_firewall_loaded": 0}},
		"rules":              {"table inet filter { chain input { type filter hook input priority 0; policy accept; tcp dport 23 drop; udp dport 1 drop; } }", map[string]float64{"tocsin_host_firewall_loaded": 1, `tocsin_host_firewall_rules{family="inet"}`: 2, `tocsin_host_firewall_rules{family="ip"}`: 0}},
		"a policy":           {"table ip filter { chain INPUT { type filter hook input priority 0; policy drop; } }", map[string]float64{"tocsin_host_firewall_loaded": 1, `tocsin_host_firewall_rules{family="ip"}`: 0}},
		"only what goes on":  {"table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; ip saddr 10.0.0.1 accept; } }", map[string]float64{"tocsin_host_firewall_loaded": 0, `tocsin_host_firewall_rules{family="ip"}`: 1}},
		"a chain at no hook": {"table ip6 filter { chain x { tcp dport 23 drop; } }", map[string]float64{"tocsin_host_firewall_loaded": 0, `tocsin_host_firewall_rules{family="ip6"}`: 1}},
		"fail2ban's alone":   {"table inet f2b-table { set a { type ipv4_addr; }\n chain f2b-chain { type filter hook input priority -1; policy accept; ip saddr @a reject; } }", map[string]float64{"tocsin_host_firewall_loaded": 0, `tocsin_host_firewall_rules{family="inet"}`: 1}},
	} {
		var lists map[uint16][][]byte
		inNetwork(t, func() {
			load := exec.CommandContext(t.Context(), nft, "-f", "-")
			load.Stdin = strings.NewReader(strings.ReplaceAll(test.rules, "; } }", "; }\n}\n"))
			if out, err := load.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			lists = dumped(t, unix.NFT_MSG_GETRULE, unix.NFT_MSG_GETCHAIN)
		})
		r := run(t, newFirewall(newRoots(Config{Proc: t.TempDir()}), answering(nil, lists), true), time.Minute)
		if r.reason != "" {
			t.Errorf("%s: %s", name, r.err)
		}
		wantSamples(t, r, test.want)
	}
}

func TestFirewall_saysWhichRightIsMissing(t *testing.T) {
	denied := answering(unix.EPERM, nil)
	r := run(t, newFirewall(newRoots(Config{Proc: t.TempDir()}), denied, true), time.Minute)
	wantFailure(t, r, frame.ReasonPermission, "CAP_NET_ADMIN")
	wantSamples(t, r, map[string]float64{"tocsin_host_firewall_loaded": -1, "tocsin_host_firewall_required": 1})

	c := newFirewall(newRoots(Config{Proc: t.TempDir()}), denied, false)
	r = run(t, c, time.Minute)
	wantSamples(t, r, map[string]float64{"tocsin_host_firewall_loaded": -1, "tocsin_host_firewall_required": 0})
	if r.reason != "" || !strings.Contains(c.Explain(), "CAP_NET_ADMIN") {
		t.Errorf("%s %s %q", r.reason, r.err, c.Explain())
	}
}

func TestFirewall_legacyTables(t *testing.T) {
	for names, want := range map[string]float64{"nat\nfilter\n": 1, "nat\n": 0, "": 0} {
		root := write(t, map[string]string{"proc/net/ip_tables_names": names})
		r := run(t, newFirewall(newRoots(Config{Proc: filepath.Join(root, "proc")}), answering(unix.EOPNOTSUPP, nil), true), time.Minute)
		wantSamples(t, r, map[string]float64{"tocsin_host_firewall_loaded": want, `tocsin_host_firewall_rules{family="ip"}`: -1})
	}
}

func TestFirewall_answersThatAreCutOff(t *testing.T) {
	for name, entry := range map[string][]byte{"short": {1}, "attribute": {unix.NFPROTO_INET, 0, 0, 0, 9, 0, 1, 0}} {
		r := run(t, newFirewall(newRoots(Config{Proc: t.TempDir()}), answering(nil, map[uint16][][]byte{unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETCHAIN: {entry}}), false), time.Minute)
		if r.reason == "" {
			t.Errorf("%s: %v", name, r.samples)
		}
	}
}

func TestAudit_realKernel(t *testing.T) {
	testenv.Root(t, "asks the kernel's audit")
	r := run(t, newAudit(t.TempDir(), dump, true), time.Minute)
	if r.reason == frame.ReasonPermission {
		testenv.Skip(t, "the kernel's audit answers only in the machine's own namespaces: "+r.err)
	}
	if r.reason != "" || r.samples["tocsin_host_audit_required"] != 1 {
		t.Errorf("%s %s", r.reason, r.err)
	}
	for _, name := range []string{"enabled", "daemon_connected", "lost_events_total", "rules", "backlog_events"} {
		if _, ok := r.samples["tocsin_host_audit_"+name]; !ok {
			t.Errorf("%s is missing in %v", name, r.samples)
		}
	}
}

func TestAudit_answersMadeByHand(t *testing.T) {
	status := func(enabled, pid, lost, backlog uint32) []byte {
		var b []byte
		for _, n := range []uint32{0, enabled, 1, pid, 0, 64, lost, backlog, 0, 0} {
			b = append(b, native(n)...)
		}
		return b
	}
	root := testenv.Tree(t, map[string]string{"etc/systemd/system/multi-user.target.wants/auditd.service": "-> /lib/systemd/system/auditd.service"})
	lists := map[uint16][][]byte{unix.AUDIT_GET: {status(2, 77, 12, 3)}, unix.AUDIT_LIST_RULES: {{1}, {2}}}
	r := run(t, newAudit(root, answering(nil, lists), false), time.Minute)
	wantSamples(t, r, map[string]float64{
		"tocsin_host_audit_enabled": 1, "tocsin_host_audit_required": 1, "tocsin_host_audit_daemon_connected": 1, "tocsin_host_audit_lost_events_total": 12,
		"tocsin_host_audit_backlog_events": 3, "tocsin_host_audit_rules": 2,
	})
	r = run(t, newAudit(t.TempDir(), answering(nil, map[uint16][][]byte{unix.AUDIT_GET: {status(0, 0, 0, 0)}}), false), time.Minute)
	wantSamples(t, r, map[string]float64{"tocsin_host_audit_enabled": 0, "tocsin_host_audit_required": 0, "tocsin_host_audit_daemon_connected": 0, "tocsin_host_audit_rules": 0})
	r = run(t, newAudit(t.TempDir(), answering(nil, map[uint16][][]byte{unix.AUDIT_GET: {{1, 2}}}), false), time.Minute)
	wantFailure(t, r, frame.ReasonError, "not understood")
}

func TestAudit_saysWhichRightIsMissing(t *testing.T) {
	for _, code := range []unix.Errno{unix.EPERM, unix.ECONNREFUSED} {
		r := run(t, newAudit(t.TempDir(), answering(code, nil), true), time.Minute)
		wantFailure(t, r, frame.ReasonPermission, "CAP_AUDIT_CONTROL")
		c := newAudit(t.TempDir(), answering(code, nil), false)
		r = run(t, c, time.Minute)
		wantSamples(t, r, map[string]float64{"tocsin_host_audit_enabled": -1})
		if r.reason != "" || !strings.Contains(c.Explain(), "CAP_AUDIT_CONTROL") {
			t.Errorf("%s %s %q", r.reason, r.err, c.Explain())
		}
	}
	r := run(t, newAudit(t.TempDir(), answering(unix.EPROTONOSUPPORT, nil), true), time.Minute)
	wantSamples(t, r, map[string]float64{"tocsin_host_audit_enabled": 0})
}

func TestConfig_firewallAndAuditTakeOneWord(t *testing.T) {
	var cfg Config
	cfg.SetDefaults()
	cfg.Firewall, cfg.Audit = "on", required
	p := problem.New()
	cfg.Validate(p)
	if all := p.All(); len(all) != 1 || all[0] != (problem.Problem{Path: "firewall", Text: `"on" is not known; write required, or leave it out`}) {
		t.Errorf("%v", all)
	}
}
