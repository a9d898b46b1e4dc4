package probes

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

func TestNagios_states(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	at := func(left time.Duration) Result {
		leaf := root.Leaf(t, probetest.Spec{Name: "portail", NotAfter: time.Now().Add(left)})
		r, _ := look(t, Config{Target: probetest.HTTPS(t, leaf, ok).URL, TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
		return r
	}
	for _, c := range []struct {
		name   string
		result Result
		want   NagiosState
		line   string
	}{
		{"good", at(60*day + time.Hour), NagiosOK, `^PROBE OK - https://127\.0\.0\.1:\d+/: up after .* certificate_days=60\.0;21:;7:$`},
		{"ends soon", at(10*day + time.Hour), NagiosWarning, `^PROBE WARNING - .*: the certificate of 127\.0\.0\.1 has 10\.0 days left \|`},
		{"ends at once", at(2*day + time.Hour), NagiosCritical, `^PROBE CRITICAL - .* has 2\.0 days left \|`},
		{"has ended", at(-day), NagiosCritical, `^PROBE CRITICAL - .*: tls_expired: .* certificate_days=-1\.0;21:;7:$`},
		{"not measured", Result{Target: "x", Unmeasured: errors.New("no | way\nout")}, NagiosUnknown, `^PROBE UNKNOWN - x: not measured: no / way out \| time=`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			state, err := WriteNagios(&b, &c.result, NagiosLimits{WarningDays: 21, CriticalDays: 7})
			line := strings.TrimSuffix(b.String(), "\n")
			if err != nil || state != c.want || !regexp.MustCompile(c.line).MatchString(line) {
				t.Errorf("%s (%v): %s, want %s", state, err, line, c.want)
			}
			if strings.Count(line, "|") != 1 || strings.Contains(line, "\n") {
				t.Errorf("no plugin's line: %q", line)
			}
		})
	}
}
