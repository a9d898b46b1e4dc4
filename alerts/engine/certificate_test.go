package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestEngine_oneCertificateOfManyBricksIsOnePost has three bricks with one
// certificate, and one with another: there are two posts, each with its own.
func TestEngine_oneCertificateOfManyBricksIsOnePost(t *testing.T) {
	t.Parallel()
	const rules = `
groups:
  - name: test
    interval: 1s
    rules:
      - alert: CertificateExpiring
        expr: ending > 0
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.brick }} ends"}
      - alert: Other
        expr: ending > 0
        labels: {severity: warning}
        annotations: {summary: "{{ $labels.brick }}"}
`
	s, voice := newSite(`ending{brick="a",fingerprint_sha256="wild"} 1
ending{brick="b",fingerprint_sha256="wild"} 1
ending{brick="c",fingerprint_sha256="wild"} 1
ending{brick="d",fingerprint_sha256="own"} 1
tocsin_collector_success{collector="oven"} 1
`), &recorder{}
	e := start(t, t.TempDir(), s, voice, rules)
	defer e.Stop()
	posts := func() []string {
		var all []string
		for _, n := range voice.all() {
			all = append(all, fmt.Sprintf("%s %d", n.Alerts[0].Name(), len(n.Alerts)))
		}
		slices.Sort(all)
		return all
	}
	want := []string{"CertificateExpiring 1", "CertificateExpiring 3", "Other 1", "Other 1", "Other 1", "Other 1"}
	eventually(t, 30*time.Second, "two posts about certificates", func() any { return posts() }, func() bool { return slices.Equal(posts(), want) })
}
