package probes

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/problem"
	"tocsin/internal/testenv"
	"tocsin/probes/blackbox"
)

// a compatCase is a module and a target that both are asked about.
type compatCase struct {
	module, target string
	hostname       string // the parameter of this name; empty: none
	// differs says why a metric is not the same; nil: all are.
	differs map[string]string
	// unmeasured says why /probe answers 503 here, where blackbox_exporter
	// says that the target is down; empty: it does not.
	unmeasured string
}

// compatHosts are names with addresses of one family, or of both, in the form
// of /etc/hosts: blackbox_exporter is given it as its own, and we look there.
const compatHosts = `127.0.0.1 four.example
::1 six.example
127.0.0.1 both.example
::1 both.example
`

// TestCompat asks Debian's blackbox_exporter and us the same, by the same file:
// each series of theirs is one of ours, with the same value where it counts a
// thing. What we say beside it is our own, or newer than Debian's version.
// With -v it prints all series side by side, and what differs at the end:
// make compat-probes.
func TestCompat(t *testing.T) {
	program := testenv.Program(t, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
	site := newCompatSite(t)
	address := site.startBlackbox(t, program)
	p := problem.New()
	modules := blackbox.Read(p, "", []string{site.file})
	for _, wrong := range p.All() {
		t.Fatal(wrong.Text)
	}
	sum := newCompatSummary()
	ask := func(t *testing.T, c compatCase) {
		t.Helper()
		module := c.module
		if c.hostname != "" {
			module += "&hostname=" + c.hostname
		}
		theirs := blackboxPage(t, address, module, c.target)
		ours := modulePage(t, modules, c)
		if c.unmeasured != "" {
			if theirs["probe_success"] != 0 {
				t.Error("blackbox_exporter says that it is up")
			}
			sum.addUnmeasured(c)
			return
		}
		t.Logf("module %s, target %s\n%s", c.module, c.target, sideBySide(theirs, ours))
		sum.add(c, theirs, ours, compare(t, c, theirs, ours))
	}
	for _, c := range site.cases() {
		t.Run(c.module+" "+portless.ReplaceAllString(c.target, ""), func(t *testing.T) { ask(t, c) })
	}
	t.Run("names of one family", func(t *testing.T) {
		testenv.Root(t, "blackbox_exporter is given an /etc/hosts of its own")
		for _, c := range site.named(t) {
			t.Run(c.module+" "+portless.ReplaceAllString(c.target, ""), func(t *testing.T) { ask(t, c) })
		}
	})
	unused := slices.DeleteFunc(modules.Names(), func(name string) bool { return sum.asked[name] })
	if len(unused) > 0 && os.Geteuid() == 0 {
		t.Errorf("no target is looked at by the modules %s", strings.Join(unused, ", "))
	}
	t.Log("\n" + sum.String())
}

var portless = regexp.MustCompile(`:\d+`)

// startBlackbox runs Debian's blackbox_exporter, as root with an /etc/hosts of
// its own, and returns its address.
func (s *compatSite) startBlackbox(t *testing.T, program string) (address string) {
	t.Helper()
	address = fmt.Sprintf("127.0.0.1:%d", testenv.Port(t))
	args := []string{"--config.file=" + s.file, "--web.listen-address=" + address}
	if os.Geteuid() != 0 {
		testenv.Start(t, program, args...)
	} else {
		hosts := filepath.Join(t.TempDir(), "hosts")
		if err := os.WriteFile(hosts, []byte(compatHosts), 0o600); err != nil {
			t.Fatal(err)
		}
		const script = `mount --bind "$0" /etc/hosts && exec "$@"`
		testenv.StartCmd(t, exec.CommandContext(t.Context(), testenv.Program(t, "unshare", "util-linux"),
			append([]string{"--mount", "sh", "-c", script, hosts, program}, args...)...))
	}
	testenv.WaitHTTP(t, "http://"+address+"/")
	return address
}

// lookUp finds the addresses of compatHosts.
func lookUp(_ context.Context, host string) ([]netip.Addr, error) {
	var found []netip.Addr
	for line := range strings.Lines(compatHosts) {
		if address, name, _ := strings.Cut(strings.TrimSpace(line), " "); name == host {
			found = append(found, netip.MustParseAddr(address))
		}
	}
	return found, nil
}

// modulePage is our page; nil of what is not measured.
func modulePage(t *testing.T, modules *blackbox.Modules, c compatCase) page {
	t.Helper()
	m, ok := modules.Find(c.module)
	if !ok {
		t.Fatalf("no module %s", c.module)
	}
	d := blackbox.Dial{}
	if strings.Contains(c.target, ".example") {
		d.Lookup = lookUp
	}
	prober, err := m.New(c.target, c.hostname, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), m.Timeout)
	defer cancel()
	r := prober.Probe(ctx)
	if (r.Unmeasured != nil) != (c.unmeasured != "") {
		t.Fatalf("not measured: %v", r.Unmeasured)
	}
	if r.Unmeasured != nil {
		return nil
	}
	families, err := Page(prober, &r)
	if err != nil {
		t.Fatal(err)
	}
	return pageOf(families)
}

// TestNames_areAll028 holds all names, types and labels to those that a
// blackbox_exporter 0.28 was seen to export, and its recorded pages.
func TestNames_areAll028(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "blackbox_exporter-0.28.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]string{}
	for _, f := range Families() {
		labels := slices.Clone(f.Labels)
		slices.Sort(labels)
		declared[f.Name] = f.Type.String() + " " + strings.Join(labels, ",")
	}
	for _, row := range rows[1:] {
		if !strings.HasPrefix(row[0], "probe_") {
			continue // the exporter's own
		}
		if got, want := declared[row[0]], row[1]+" "+row[2]; got != want {
			t.Errorf("%s is %q, want %q", row[0], got, want)
		}
	}
}
