package probe

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"tocsin/internal/frame"
)

func TestRedactor(t *testing.T) {
	r := NewRedactor("s3cret", "with space&more", "abc", "s3cret-and-more")
	for _, c := range []struct{ text, want string }{
		{"nothing here", "nothing here"},
		{"token s3cret.", "token [redacted]."},
		{"S3CRET in a host name", "[redacted] in a host name"},
		{"longest s3cret-and-more first", "longest [redacted] first"},
		{"s3crets3cret", "[redacted][redacted]"},
		{"?a=with+space%26more", "?a=[redacted]"},
		{"abc is too short to be looked for", "abc is too short to be looked for"},
		{"\x1b[31mred\nline\x00", "·[31mred·line·"},
		{"\xff\xfe", "·"},
		{"déjà vu", "déjà vu"},
	} {
		if got := r.Text(c.text); got != c.want {
			t.Errorf("%q became %q, want %q", c.text, got, c.want)
		}
	}
	long := r.Text(strings.Repeat("é", 10_000))
	if len(long) > maxText+len("…") || !utf8.ValidString(long) || !strings.HasSuffix(long, "…") {
		t.Errorf("a long text became %d bytes: %q", len(long), long)
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("the s3cret is s3cret", "s3cret")
	f.Add("\xff\x00", "\xff\x00\xff\x00")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, hidden string) {
		got := NewRedactor(hidden).Text(text)
		if !utf8.ValidString(got) || len(got) > maxText+len("…") {
			t.Errorf("unfit to be shown: %q", got)
		}
		// A secret that is part of the replacement itself shows nothing.
		if len(hidden) >= minSecret && utf8.ValidString(hidden) && strings.Contains(got, hidden) && !strings.Contains("[redacted]…·", hidden) &&
			!strings.Contains(strings.ReplaceAll(got, "[redacted]", "\x00"), "\x00") {
			t.Errorf("%q is still in %q", hidden, got)
		}
	})
}

func TestDisplayURL(t *testing.T) {
	u, err := url.Parse("https://moni:pw@a.example:8443/a%2Fb?token=x#part")
	if err != nil {
		t.Fatal(err)
	}
	if got := DisplayURL(u); got != "https://a.example:8443/a%2Fb?…" {
		t.Errorf("shown as %s", got)
	}
}

func TestEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Ended(ctx, PhaseTLS, "waiting"); err != nil {
			t.Errorf("before the end: %v", err)
		}
		time.Sleep(time.Second)
		var f *Failure
		if err := Ended(ctx, PhaseTLS, "waiting"); !errors.As(err, &f) || f.Reason != Timeout || f.Phase != PhaseTLS {
			t.Errorf("at the end: %v", err)
		}
		called, cancelled := context.WithCancel(t.Context())
		cancelled()
		var ours *Unmeasured
		if err := Ended(called, PhaseTLS, "waiting"); !errors.As(err, &ours) {
			t.Errorf("called off: %v", err)
		}
	})
}

func TestResult_End(t *testing.T) {
	clean := NewRedactor("s3cret")
	raw := errors.New("server said s3cret")
	r := Result{Start: time.Now(), Steps: []Step{{Text: "a s3cret"}}, Hops: []Hop{{URL: "http://s3cret/", Host: "s3cret"}}}
	r.End(Fail(Protocol, PhaseTransfer, raw), clean)
	if r.Success || r.Reason != Protocol || r.Phase != PhaseTransfer || r.Explain() != "protocol: server said [redacted]" {
		t.Errorf("got %+v", r)
	}
	if errors.Is(r.Err, raw) {
		t.Error("the error still holds what was not cleaned")
	}
	if strings.Contains(r.Steps[0].Text+r.Hops[0].URL+r.Hops[0].Host, "s3cret") {
		t.Errorf("not cleaned: %+v", r)
	}

	r = Result{}
	r.End(errors.New("strange"), nil)
	if r.Reason != Other || r.Unmeasured != nil {
		t.Errorf("an error without a reason: %+v", r)
	}
	r = Result{}
	r.End(&Unmeasured{Err: errors.New("no descriptor")}, nil)
	if r.Success || r.Reason != "" || r.Explain() != "not measured: no descriptor" {
		t.Errorf("unmeasured: %+v", r)
	}
}

func TestTLS_dates(t *testing.T) {
	at := func(days int) *x509.Certificate {
		return &x509.Certificate{NotAfter: time.Unix(int64(days)*86400, 0)}
	}
	s := TLS{Certificates: []*x509.Certificate{at(90), at(30), at(1000)}}
	if got := s.EarliestExpiry().Unix() / 86400; got != 30 {
		t.Errorf("the first of those sent ends on day %d", got)
	}
	if _, ok := s.LastChainExpiry(); ok {
		t.Error("no chain has an end")
	}
	s.Chains = [][]*x509.Certificate{{at(90), at(30)}, {at(90), at(80), at(1000)}, {at(90), at(50)}}
	if got, _ := s.LastChainExpiry(); got.Unix()/86400 != 80 {
		t.Errorf("the best chain ends on day %d", got.Unix()/86400)
	}
}

func TestResult_MarshalJSON(t *testing.T) {
	f := &frame.Family{Name: "probe_x", Labels: []string{"phase"}}
	r := Result{
		Target: "https://a.example/", Start: time.Unix(0, 0).UTC(), Duration: 1500 * time.Millisecond, Timeout: 10 * time.Second,
		Reason: TLSExpired, Phase: PhaseTLS, Err: errors.New("it expired"),
		Hops: []Hop{{
			URL: "https://a.example/", Address: netip.MustParseAddrPort("192.0.2.1:443"), Found: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
			Phases: map[Phase]time.Duration{PhaseTLS: time.Second},
		}},
		Steps: []Step{{Phase: PhaseTLS, Offset: time.Second, Duration: time.Second, Text: "negotiated", Failed: true}},
	}
	r.Send(f, 2, "tls")
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"target":"https://a.example/","start":"1970-01-01T00:00:00Z","duration_seconds":1.5,"timeout_seconds":10,` +
		`"success":false,"reason":"tls_expired","phase":"tls","error":"it expired",` +
		`"hops":[{"url":"https://a.example/","found":["192.0.2.1"],"address":"192.0.2.1:443","phases_seconds":{"tls":1}}],` +
		`"metrics":[{"name":"probe_x","labels":{"phase":"tls"},"value":2}],` +
		`"steps":[{"hop":0,"phase":"tls","text":"negotiated","failed":true,"offset_seconds":1,"duration_seconds":1}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
