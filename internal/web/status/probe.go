package status

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"
)

// How much of one look is shown.
const (
	maxSteps        = 200
	maxFaults       = 20
	maxCertificates = 20
	maxCertNames    = 30
)

// A Probe is what the page of one probe shows: its newest looks, place by place.
// The same holds for its texts as for those of a Status.
type Probe struct {
	Language, Site, Host, Version string
	Now                           time.Time

	Name     string // what the site calls it; empty: nothing but instance
	Instance string
	Told     string // what a look does, in words
	Every    time.Duration
	Closed   bool // it must not answer: to be well is to be closed
	Places   []Place
}

// A Place is where looks are made from.
type Place struct {
	Name string // an instance of the site
	// Blind is since when nothing could be measured; zero: it can, or nobody
	// knows.
	Blind   time.Time
	Looks   []Look // the newest first
	Failure *Look  // the newest that failed, where it is not among Looks
}

// A Look is one look at a service.
type Look struct {
	At       time.Time
	Duration time.Duration
	// State is Good, Faulty or Trouble, or Down where nothing was measured.
	State   State
	Reason  string // why it failed, of the closed list of reasons of probes
	Meaning string // of the reason, in English
	Phase   string
	Detail  string   // what was wrong, in words
	Faults  []string // what of a service that is up is not as it should be, in words
	Steps   []Step
	Servers []Server
}

// A Step is one thing that a look did.
type Step struct {
	Phase            string // empty: a heading
	Offset, Duration time.Duration
	Text             string
	Failed           bool
}

// A Server is what one server on the way showed of itself.
type Server struct {
	Name, Address, TLS string
	Problems           []string
	Certificates       []Shown
	// ChainEnds is until when the best verified chain holds; zero: none does.
	ChainEnds time.Time
}

// Shown is a certificate as people ask of it.
type Shown struct {
	Subject, Issuer, Serial, Key, SignedBy, Fingerprint string
	Names                                               []string
	NotBefore, NotAfter                                 time.Time
}

// DrawProbe writes the page of one probe.
func (p *Page) DrawProbe(w io.Writer, probe *Probe) error {
	t, err := template.New("status").Parse(pageHTML + probeHTML)
	if err != nil {
		return fmt.Errorf("probe page: %w", err)
	}
	var buf bytes.Buffer
	if err := t.ExecuteTemplate(&buf, "probe", newProbeView(probe)); err != nil {
		return fmt.Errorf("probe page: %w", err)
	}
	_, err = w.Write(buf.Bytes())
	return err
}

type probeView struct {
	W    words
	P    probeWords
	Now  moment
	Head headline

	Style                                              template.CSS
	Icon                                               template.URL
	Site, Host, Version, Title, Instance, Told, Pacing string
	Differ                                             []differView
	Places                                             []placeView
}

type placeView struct {
	Title   string
	Looks   []lookView
	Failure *lookView
}

type lookView struct {
	W           *words
	P           *probeWords
	Head        string // above an older one that stands apart
	State       mark
	At          moment
	Took        string
	Why, Detail string
	Faults      []string
	Open        bool
	Steps       []stepView
	More        string
	Servers     []serverView
}

type stepView struct{ Phase, Offset, Took, Text, Class string }

type serverView struct {
	P            *probeWords
	Name, Facts  string
	Problems     []string
	Chain        string
	Certificates []shownView
}

type shownView struct {
	P             *probeWords
	Number, Title string
	Rows          []fact
	State         mark
	From, To      moment
}

func newProbeView(s *Probe) *probeView {
	p := &pen{w: in(s.Language), now: s.Now}
	words := probeWordsIn(s.Language)
	if s.Closed {
		words.closed()
	}
	v := &probeView{
		W: p.w, P: words, Style: template.CSS(pageCSS), //nolint:gosec // our own file
		Site: p.w.clean(s.Site, maxName), Host: p.w.clean(s.Host, maxName), Version: p.w.clean(s.Version, maxName),
		Title: p.w.clean(s.Instance, maxName), Told: p.w.clean(words.told(s.Told), maxDetail),
		Now: moment{ISO: s.Now.Format(time.RFC3339), Text: s.Now.Format("2006-01-02 15:04:05 MST")},
	}
	if s.Name != "" && s.Name != s.Instance {
		v.Title, v.Instance = p.w.clean(s.Name, maxName), v.Title
	}
	if s.Every > 0 {
		v.Pacing = fmt.Sprintf(words.Every, p.duration(s.Every))
	}
	for i := range s.Places {
		v.Places = append(v.Places, p.place(&s.Places[i], &words, len(s.Places) > 1))
	}
	v.Differ = p.differences(s, &words)
	v.Head = p.probeHead(s, &words)
	v.Icon = icon(v.Head.Level)
	return v
}

func (p *pen) place(place *Place, words *probeWords, several bool) placeView {
	v := placeView{}
	if several {
		v.Title = fmt.Sprintf(words.From, p.w.clean(place.Name, maxName))
	}
	for i := range place.Looks {
		look := p.look(&place.Looks[i], words)
		look.Open = i == 0
		v.Looks = append(v.Looks, look)
	}
	if place.Failure != nil {
		look := p.look(place.Failure, words)
		look.Head = words.LastFailure
		v.Failure = &look
	}
	return v
}

func (p *pen) lookWhy(l *Look) string {
	known := probeReasons()
	if _, ok := known[l.Reason]; ok {
		return p.because(known, l.Reason)
	}
	return p.w.clean(l.Meaning, maxDetail)
}

func (p *pen) look(l *Look, words *probeWords) lookView {
	v := lookView{
		W: &p.w, P: words, At: p.at(l.At), Took: p.span(l.Duration),
		Why: p.lookWhy(l), Detail: p.w.clean(l.Detail, maxDetail),
	}
	if sameDay(l.At.In(p.now.Location()), p.now) {
		v.At.Text = l.At.In(p.now.Location()).Format(time.TimeOnly)
	}
	for _, fault := range l.Faults[:min(len(l.Faults), maxFaults)] {
		v.Faults = append(v.Faults, p.w.clean(fault, maxDetail))
	}
	switch l.State {
	case Good:
		v.State = newMark(good, words.Up)
	case Faulty:
		v.State = newMark(warn, words.UpBut)
	case Trouble:
		v.State = newMark(bad, words.Down)
	default:
		v.State = newMark(quiet, p.w.Down)
	}
	for _, s := range l.Steps[:min(len(l.Steps), maxSteps)] {
		step := stepView{Phase: p.w.clean(words.phase(s.Phase), maxName), Offset: p.span(s.Offset), Text: p.w.clean(s.Text, maxDetail)}
		if s.Phase != "" && s.Duration > 0 {
			step.Took = p.span(s.Duration)
		}
		switch {
		case s.Failed && l.State != Trouble:
			step.Class = "fault" // it did not matter in the end
		case s.Failed:
			step.Class = "failed"
		case s.Phase == "":
			step.Class = "heading"
		}
		v.Steps = append(v.Steps, step)
	}
	if more := len(l.Steps) - maxSteps; more > 0 {
		v.More = p.w.count(p.w.AndMore, more)
	}
	for i := range l.Servers {
		v.Servers = append(v.Servers, p.server(&l.Servers[i], words))
	}
	return v
}

func (p *pen) server(s *Server, words *probeWords) serverView {
	v := serverView{P: words, Name: p.w.clean(s.Name, maxName)}
	var known []string
	for _, text := range []string{s.Address, s.TLS} {
		if text != "" {
			known = append(known, p.w.clean(text, maxName))
		}
	}
	v.Facts = strings.Join(known, " · ")
	for _, text := range s.Problems {
		v.Problems = append(v.Problems, p.w.clean(text, maxDetail))
	}
	if !s.ChainEnds.IsZero() {
		v.Chain = fmt.Sprintf(words.Chain, s.ChainEnds.In(p.now.Location()).Format(time.DateOnly))
	} else if len(s.Certificates) > 0 {
		v.Chain = words.NoChain
	}
	for i, c := range s.Certificates[:min(len(s.Certificates), maxCertificates)] {
		v.Certificates = append(v.Certificates, p.shown(i, &c, words))
	}
	return v
}

func (p *pen) shown(i int, c *Shown, words *probeWords) shownView {
	v := shownView{P: words, Number: strconv.Itoa(i + 1), Title: p.w.clean(c.title(), maxName), From: p.date(c.NotBefore), To: p.date(c.NotAfter)}
	left := c.NotAfter.Sub(p.now)
	if left <= 0 {
		v.State = newMark(bad, fmt.Sprintf(p.w.ExpiredAgo, p.duration(-left)))
	} else {
		v.State = newMark(good, fmt.Sprintf(p.w.Left, p.duration(left)))
	}
	if c.NotBefore.After(p.now) {
		v.State = newMark(bad, words.NotYetValid)
	}
	for _, row := range []fact{
		{Name: words.Issuer, Text: c.Issuer},
		{Name: words.Names, Text: strings.Join(c.Names[:min(len(c.Names), maxCertNames)], ", ")},
		{Name: words.Key, Text: c.Key + ", " + c.SignedBy},
		{Name: words.Serial, Text: c.Serial},
		{Name: "SHA-256", Text: c.Fingerprint},
	} {
		if row.Text = p.w.clean(row.Text, maxDetail); row.Text != "" && row.Text != "," {
			v.Rows = append(v.Rows, row)
		}
	}
	return v
}
