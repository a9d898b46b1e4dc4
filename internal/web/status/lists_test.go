package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// plainSpaces makes texts comparable: the page does not break within numbers.
func plainSpaces(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

func penIn(language string) *pen { return &pen{w: in(language), now: now} }

func TestBricks_states(t *testing.T) {
	for name, c := range map[string]struct {
		brick       Brick
		level, text string
		why         string
	}{
		"well":       {Brick{State: Good}, good, "fine", ""},
		"down":       {Brick{State: Trouble, Reason: "refused"}, bad, "down", "the connection is refused"},
		"new reason": {Brick{State: Trouble, Reason: "melted"}, bad, "down", "melted"},
		"partly":     {Brick{State: Partial, Missing: []Part{{Name: "x"}}}, warn, "partly measured", ""},
		"no look":    {Brick{State: Down}, bad, "not measured", ""},
		"not yet":    {Brick{}, quiet, "not measured yet", ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := penIn("en").brick(&c.brick)
			if v.State.Level != c.level || v.State.Text != c.text || v.Why != c.why {
				t.Errorf("got %+v, why %q", v.State, v.Why)
			}
		})
	}
}

func TestBricks_downFirstAndTheirRequestSaidOnce(t *testing.T) {
	s := stormy()
	groups := penIn("en").bricks(s.Bricks)
	var names []string
	for _, b := range groups[0].Rows {
		names = append(names, b.Name)
	}
	if diff := cmp.Diff([]string{"pad", "far", "portail", "new", "cache", "demarches"}, names); diff != "" {
		t.Error(diff)
	}
	again := penIn("fr").brick(&Brick{State: Trouble, Reason: "refused", Detail: "the connection is refused"})
	if again.Why != "la connexion est refusée" || again.Detail != "" {
		t.Errorf("the words of the reason are said twice: %+v", again)
	}
	if pad := groups[0].Rows[0]; len(pad.Failed) != 0 || pad.Detail == "" {
		t.Errorf("why pad is down is said twice, or never: %+v", pad)
	}
	if groups[0].State.Level != bad || groups[0].State.Text != "2 of 6 fine" {
		t.Errorf("the summary is %+v", groups[0].State)
	}
}

func TestBricks_areNotListedAmongTheTargetsAgain(t *testing.T) {
	s := calm()
	s.Targets = append(s.Targets, Target{Job: "brick", Instance: "cache", State: Good}, Target{Job: "brick", Instance: "other", State: Good})
	for _, job := range newView(s).Jobs {
		if job.Name == "brick" && (len(job.Targets) != 1 || job.Targets[0].Title != "other") {
			t.Errorf("the targets of job brick are %+v", job.Targets)
		}
	}
}

func TestBricks_missingMetricsAreCountedNamedAndCut(t *testing.T) {
	b := Brick{State: Partial}
	for i := range 250 {
		b.Missing = append(b.Missing, Part{Name: fmt.Sprintf("m%d", i), Reason: "missing"})
	}
	v := penIn("en").brick(&b)
	if v.MissingCount != "250 metrics are missing" || v.MissingOpen || len(v.Missing) != maxMissing || v.MissingMore != "And 150 more." {
		t.Errorf("%q, open %v, %d named, %q", v.MissingCount, v.MissingOpen, len(v.Missing), v.MissingMore)
	}
	if v.Missing[0].Why != "the value is not there" {
		t.Errorf("why: %q", v.Missing[0].Why)
	}
}

func TestCertificates_states(t *testing.T) {
	for name, c := range map[string]struct {
		certificate  Certificate
		level        string
		text, french string
	}{
		"long":              {Certificate{NotAfter: now.Add(90 * day)}, good, "90 days left", "encore 90 jours"},
		"at the threshold":  {Certificate{NotAfter: now.Add(21 * day)}, good, "21 days left", "encore 21 jours"},
		"soon":              {Certificate{NotAfter: now.Add(21*day - time.Second)}, warn, "21 days left", "encore 21 jours"},
		"last days":         {Certificate{NotAfter: now.Add(7*day - time.Second)}, bad, "7 days left", "encore 7 jours"},
		"last hours":        {Certificate{NotAfter: now.Add(5 * time.Hour)}, bad, "5 h left", "encore 5 h"},
		"over":              {Certificate{NotAfter: ago(49 * time.Hour)}, bad, "expired 2 days ago", "expiré depuis 2 jours"},
		"does not hold":     {Certificate{NotAfter: now.Add(90 * day), Reason: "tls_wrong_host"}, bad, "90 days left", "encore 90 jours"},
		"accepted all same": {Certificate{NotAfter: now.Add(90 * day), Reason: "tls_self_signed", Accepted: true}, warn, "90 days left", "encore 90 jours"},
	} {
		t.Run(name, func(t *testing.T) {
			s := calm()
			got := penIn("en").remaining(s, c.certificate)
			if got.Level != c.level || plainSpaces(got.Text) != c.text {
				t.Errorf("got %+v", got)
			}
			if got := penIn("fr").remaining(s, c.certificate); plainSpaces(got.Text) != c.french {
				t.Errorf("in French: %+v", got)
			}
		})
	}
}

func TestCertificates_soonestFirstAndEachOnce(t *testing.T) {
	s := calm()
	s.Certificates = []Certificate{
		{Name: "https://b.example", Fingerprint: "1", NotAfter: now.Add(80 * day)},
		{Name: "https://c.example", NotAfter: now.Add(30 * day)},
		{Name: "https://a.example", Fingerprint: "1", NotAfter: now.Add(80 * day), Reason: "tls_wrong_host", Problem: "it is for b.example"},
		{Name: "https://d.example", NotAfter: now.Add(30 * day)},
	}
	groups := penIn("en").certificates(s)
	var names [][]string
	for _, c := range groups[0].Rows {
		names = append(names, c.Names)
	}
	if diff := cmp.Diff([][]string{{"https://c.example"}, {"https://d.example"}, {"https://a.example", "https://b.example"}}, names); diff != "" {
		t.Error(diff)
	}
	want := []problemView{{Name: "https://a.example", Why: "it is for other names", Detail: "it is for b.example"}}
	if diff := cmp.Diff(want, groups[0].Rows[2].Problems); diff != "" {
		t.Error(diff)
	}
	if groups[0].Rows[2].State.Level != bad {
		t.Errorf("the certificate that one target refuses is %+v", groups[0].Rows[2].State)
	}
	if groups[0].Title != "3 certificates" {
		t.Errorf("titled %q", groups[0].Title)
	}
}

func TestUpdates_states(t *testing.T) {
	at := ago(time.Hour)
	for name, c := range map[string]struct {
		update Update
		levels string
		texts  string
	}{
		"up to date":       {Update{Deployed: "1.2", NewestInLine: "1.2", Newest: "1.2", Asked: at}, good, "up to date"},
		"behind":           {Update{Deployed: "1.2", NewestInLine: "1.4", Newest: "1.4", Behind: 2, Asked: at}, warn, "2 releases behind"},
		"security":         {Update{Deployed: "1.2", NewestInLine: "1.3", Newest: "1.3", Behind: 1, Security: true, Asked: at}, "bad warn", "a security fix waits; 1 release behind"},
		"new line":         {Update{Deployed: "1.2", NewestInLine: "1.2", Newest: "2.0", NewLine: true, Asked: at}, quiet, "new line"},
		"behind, new line": {Update{Deployed: "1.2", NewestInLine: "1.3", Newest: "2.0", Behind: 1, NewLine: true, Asked: at}, "warn quiet", "1 release behind; new line"},
		"runs unknown":     {Update{NewestInLine: "2.0", Newest: "2.0", Asked: at}, quiet, "not known what runs"},
		"not asked yet":    {Update{Deployed: "1.2"}, quiet, "not asked yet"},
		"never readable":   {Update{Deployed: "1.2", Reason: "not_found", Asked: at}, warn, "source not readable"},
		"no more readable": {Update{Deployed: "1.2", NewestInLine: "1.2", Newest: "1.2", Reason: "timeout", Asked: at}, warn, "source not readable"},
		"behind at least":  {Update{Deployed: "1.2", NewestInLine: "1.3", Newest: "1.3", Behind: 1, Reason: "timeout", Asked: at}, "warn warn", "1 release behind; source not readable"},
	} {
		t.Run(name, func(t *testing.T) {
			var levels, texts []string
			for _, s := range penIn("en").update(&c.update).States {
				levels, texts = append(levels, s.Level), append(texts, s.Text)
			}
			if got := strings.Join(levels, " "); got != c.levels {
				t.Errorf("levels %q, want %q", got, c.levels)
			}
			if got := strings.Join(texts, "; "); got != c.texts {
				t.Errorf("texts %q, want %q", got, c.texts)
			}
		})
	}
}

func TestUpdates_behindFirst(t *testing.T) {
	s := stormy()
	s.Updates = append(s.Updates, Update{Project: "late", Deployed: "1.0", Newest: "1.1", NewestInLine: "1.1", Behind: 1})
	var names []string
	for _, u := range penIn("en").updates(s.Updates)[0].Rows {
		names = append(names, u.Project)
	}
	if diff := cmp.Diff([]string{"etherpad", "late", "wcs", "traefik", "redis"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestPage_withoutBricksCertificatesAndUpdatesHasNoEmptyTables(t *testing.T) {
	page := draw(t, exporter())
	for _, never := range []string{`id="bricks"`, `id="certificates"`, `id="updates"`, "<tbody>\n</tbody>"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %s", never)
		}
	}
}

// crowded is a site of n bricks, certificates and projects, three of each in
// need of a look.
func crowded(n int) *Status {
	s := calm()
	s.Bricks, s.Certificates, s.Updates = nil, nil, nil
	for i := range n {
		name := fmt.Sprintf("service-%03d", i)
		b := Brick{Job: "brick", Instance: name, Name: name, Kind: "website", Host: "app1", State: Good, Version: "1.2"}
		c := Certificate{Name: "https://" + name + ".ville.example", Fingerprint: name, NotAfter: now.Add(time.Duration(30+i) * day)}
		u := Update{Project: name, Deployed: "1.2", NewestInLine: "1.2", Newest: "1.2", Asked: ago(time.Hour), Read: ago(time.Hour)}
		if i < 3 {
			b.State, b.Reason, c.NotAfter, u.Behind = Trouble, "timeout", now.Add(time.Duration(i)*day), 1
		}
		s.Bricks, s.Certificates, s.Updates = append(s.Bricks, b), append(s.Certificates, c), append(s.Updates, u)
	}
	return s
}

func TestPage_longListsFoldWhatIsFine(t *testing.T) {
	v := newView(crowded(500))
	for name, got := range map[string]string{
		"bricks": shape(v.Bricks), "certificates": shape(v.Certificates), "updates": shape(v.Updates),
	} {
		if want := "3 open bad|497 folded good"; got != want && got != strings.Replace(want, "bad", "warn", 1) {
			t.Errorf("%s: %s", name, got)
		}
	}
	s := crowded(500)
	for i := range s.Bricks {
		s.Bricks[i].State = Trouble
	}
	if got := shape(newView(s).Bricks); got != "50 open bad|450 folded bad" {
		t.Errorf("all down: %s", got)
	}
	page := draw(t, s)
	for _, name := range []string{"service-000", "service-499"} {
		if !strings.Contains(page, "<bdi>"+name+"</bdi>") {
			t.Errorf("%s is not on the page", name)
		}
	}
}

func shape[R row](groups []group[R]) string {
	var parts []string
	for _, g := range groups {
		how := "folded"
		if g.Open {
			how = "open"
		}
		parts = append(parts, fmt.Sprintf("%d %s %s", len(g.Rows), how, g.State.Level))
	}
	return strings.Join(parts, "|")
}

func BenchmarkDraw_fiveHundredOfEach(b *testing.B) {
	p := NewPage()
	s := crowded(500)
	var size counter
	for b.Loop() {
		size = 0
		if err := p.Draw(&size, s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size), "bytes")
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
