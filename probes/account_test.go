package probes

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// changing is what differs from one run to the next.
var changing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(` +[0-9.]+ m?s(\x1b\[0m)?  `), " TIME$1  "},
	{regexp.MustCompile(`after [0-9.]+ m?s`), "after TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d( \d\d:\d\d UTC)?`), "DATE"},
	{regexp.MustCompile(`sha256 [0-9a-f]{16}`), "sha256 SUM"},
}

// TestAccount shows what tocsin probe prints, for a redirect that leads to a
// certificate that has expired.
func TestAccount(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	second := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{Name: "idp", NotAfter: time.Now().Add(-3*day - time.Hour)}), ok)
	first := probetest.HTTPS(t, root.Leaf(t, probetest.Spec{Name: "portail", NotAfter: time.Now().Add(10*day + time.Hour)}),
		http.RedirectHandler(second.URL+"/login?SAMLRequest=x", http.StatusFound))
	failed, _ := look(t, Config{Target: first.URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
	fine, _ := look(t, Config{Target: probetest.HTTP(t, ok).URL}, Options{})
	for _, c := range []struct {
		name   string
		result Result
		colour bool
	}{{"expired", failed, false}, {"expired_colour", failed, true}, {"up", fine, false}, {"unmeasured", Result{Unmeasured: os.ErrPermission}, false}} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := WriteText(&b, &c.result, c.colour); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			for _, r := range changing {
				got = r.what.ReplaceAllString(got, r.with)
			}
			file := filepath.Join("testdata", "account_"+c.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}

	var b strings.Builder
	if err := WriteJSON(&b, &failed); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Success bool
		Reason  string
		Hops    []struct {
			TLS struct {
				Verified     bool
				Certificates []struct {
					NotAfter time.Time `json:"not_after"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	if back.Success || back.Reason != "tls_expired" || len(back.Hops) != 2 || !back.Hops[0].TLS.Verified || back.Hops[1].TLS.Verified ||
		!back.Hops[1].TLS.Certificates[0].NotAfter.Before(time.Now()) {
		t.Errorf("the JSON tells another story: %s", b.String())
	}
}

// TestAccount_remarks has one thing that took time and one that is said of it.
func TestAccount_remarks(t *testing.T) {
	r := Result{Success: true, Steps: []probe.Step{
		{Phase: probe.PhaseTransfer, Duration: time.Millisecond, Text: "read " + probe.Count(1, "byte", "bytes")},
		{Phase: probe.PhaseTransfer, Text: "the headers have grade A"},
	}}
	var b strings.Builder
	if err := WriteText(&b, &r, false); err != nil {
		t.Fatal(err)
	}
	if want := "read 1 byte\n"; !strings.Contains(b.String(), want) {
		t.Errorf("it lacks %q: %s", want, &b)
	}
	if strings.Count(b.String(), "transfer") != 1 {
		t.Errorf("a remark has a phase: %s", &b)
	}
}
