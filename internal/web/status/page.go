package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's template and style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"
)

//go:embed status.html
var pageHTML string

//go:embed probe.html
var probeHTML string

//go:embed status.css
var pageCSS string

// A Page draws Statuses. It may be used from any goroutine.
type Page struct{ policy string }

// NewPage makes the page ready to be drawn.
func NewPage() *Page {
	sum := sha256.Sum256([]byte(pageCSS))
	return &Page{
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

// Policy is the Content-Security-Policy under which the page works: its one
// style and its icon, nothing else.
func (p *Page) Policy() string { return p.policy }

// Draw writes the page. Its template is read each time, in a millisecond: most
// instances of a site are never looked at, and need not keep it.
func (p *Page) Draw(w io.Writer, s *Status) error {
	t, err := template.New("status").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("status page: %w", err)
	}
	var buf bytes.Buffer
	if err := t.Execute(&buf, newView(s)); err != nil {
		return fmt.Errorf("status page: %w", err)
	}
	_, err = w.Write(buf.Bytes())
	return err
}

// pen writes values in the words, and as of the time, of one Status.
type pen struct {
	w   words
	now time.Time
}

// view is what the template takes: texts that are ready to be shown.
type view struct {
	W       words
	Style   template.CSS
	Icon    template.URL
	Site    string
	Host    string
	Version string
	Now     moment
	Head    headline

	Alerts       []alertView
	MoreAlerts   string
	Gaps         []gapView
	GapsLead     string // empty: nothing of it should have been watched
	MoreGaps     string
	Bricks       []group[brickView]
	Certificates []group[certificateView]
	Updates      []group[updateView]
	Jobs         []jobView
	ShowMessages bool
	Messages     []messageView
	Facts        []facts
}

// A mark is a state in a sign and in words; its level gives the colour.
type mark struct{ Level, Sign, Text string }

// The levels of marks, as the style names them.
const (
	good  = "good"
	warn  = "warn"
	bad   = "bad"
	quiet = "quiet"
)

func newMark(level, text string) mark {
	signs := map[string]string{good: "✓", warn: "!", bad: "✕", quiet: "?"}
	return mark{Level: level, Sign: signs[level], Text: text}
}

func newView(s *Status) *view {
	p := &pen{w: in(s.Language), now: s.Now}
	v := &view{
		W:       p.w,
		Style:   template.CSS(pageCSS), //nolint:gosec // our own file
		Site:    p.w.clean(s.Site, maxName),
		Host:    p.w.clean(s.Host, maxName),
		Version: p.w.clean(s.Version, maxName),
		Now:     moment{ISO: s.Now.Format(time.RFC3339), Text: s.Now.Format("2006-01-02 15:04:05 MST")},
		Alerts:  p.alerts(s.Alerts),
		Gaps:    p.gaps(s),
		Facts:   p.facts(s),

		Bricks:       p.bricks(s.Bricks),
		Certificates: p.certificates(s),
		Updates:      p.updates(s.Updates),
		Jobs:         p.jobs(s.Targets, s.Bricks),

		// Where alerts are judged elsewhere, nothing is said here.
		ShowMessages: s.Engine != nil || len(s.Messages) > 0,
		Messages:     p.messages(s.Messages),
	}
	if slices.ContainsFunc(v.Gaps, func(g gapView) bool { return g.State.Level != quiet }) {
		v.GapsLead = p.w.NotWatchedLead
	}
	v.Head = p.headline(s, len(v.Gaps))
	// In a storm the first ones tell the story; the headline has the numbers.
	if more := len(v.Alerts) - maxAlerts; more > 0 {
		v.Alerts, v.MoreAlerts = v.Alerts[:maxAlerts], p.w.count(p.w.AndMore, more)
	}
	if more := len(v.Gaps) - maxGaps; more > 0 {
		v.Gaps, v.MoreGaps = v.Gaps[:maxGaps], p.w.count(p.w.AndMore, more)
	}
	v.Icon = icon(v.Head.Level)
	return v
}

// icon is a dot in the colour of the headline, for the browser's tab.
func icon(level string) template.URL {
	colours := map[string]string{good: "2a9d64", warn: "d99a1c", bad: "d33a31", quiet: "8a95a1"}
	return template.URL("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" + //nolint:gosec // our own text
		"%3Ccircle cx='8' cy='8' r='7' fill='%23" + colours[level] + "'/%3E%3C/svg%3E")
}
