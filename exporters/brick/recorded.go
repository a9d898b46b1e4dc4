package brick

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"

	"tocsin/bricks"
	"tocsin/exporters/brick/adapter"
	"tocsin/internal/frame"
)

// RunTest replays one recorded test of a kind and returns what is not as the
// test says, a line each; nothing when all is.
func RunTest(ctx context.Context, k bricks.Kind, t bricks.Test) ([]string, error) {
	p, err := compile(k)
	if err != nil {
		return nil, err
	}
	outcomes, err := p.replay(t)
	if err != nil {
		return nil, err
	}
	r := &replayed{collector: &collector{program: p, now: time.Now}, state: newState(k, outcomes)}
	target := frame.NewTarget(frame.Spec{Job: "test", Collectors: []frame.Entry{{Collector: r}}}, slog.New(slog.DiscardHandler))
	page := target.Gather(ctx)
	lines := map[string][]string{}
	var all bytes.Buffer
	for _, mf := range page {
		var b bytes.Buffer
		if _, err := expfmt.MetricFamilyToText(&b, mf); err != nil {
			return nil, fmt.Errorf("write page: %w", err)
		}
		lines[mf.GetName()] = samples(b.String())
		if mf.GetName() == missingFamily.Name || p.covers(mf.GetName()) {
			all.Write(b.Bytes())
		}
	}
	var wrong []string
	if s := target.States()[0]; s.Reason != "" {
		wrong = append(wrong, "the page is not valid: "+s.Error)
	}
	wrong = append(wrong, r.standing(t)...)
	version := ""
	if t.Version != "" {
		version = fmt.Sprintf("%s{version=%q} 1", versionFamily.Name, t.Version)
	}
	if got := strings.Join(lines[versionFamily.Name], ""); got != version {
		wrong = append(wrong, fmt.Sprintf("version: %q, want %q", got, version))
	}
	return append(wrong, difference(samples(t.Page), samples(all.String()))...), nil
}

// covers tells whether a name is one of the kind's own.
func (p *program) covers(name string) bool {
	return slices.ContainsFunc(p.declared, func(f *frame.Family) bool { return f.Covers(name) })
}

// replay makes outcomes of what was recorded.
func (p *program) replay(t bricks.Test) (map[string]outcome, error) {
	outcomes := map[string]outcome{}
	for name, a := range t.Answers {
		r := p.kind.Requests[name]
		if a.Failure != "" {
			outcomes[name] = outcome{asked: true, failure: &adapter.Failure{Reason: bricks.Reason(a.Failure), Words: "recorded: " + a.Failure}}
			continue
		}
		body, err := p.kind.Recording(a)
		if err != nil {
			return nil, fmt.Errorf("test %s: read the answer %s: %w", t.Name, name, err)
		}
		raw := adapter.Raw{Headers: map[string]string{}, Body: body}
		for header, value := range a.Headers {
			raw.Headers[strings.ToLower(header)] = value
		}
		var refused error
		if r.HTTP() {
			raw.Status = cmp.Or(a.Status, 200)
			if refused = adapter.Accept(r, raw); refused != nil {
				raw.Body = nil
			}
		}
		outcomes[name] = p.decode(name, raw, refused, time.Now(), 0)
	}
	return outcomes, nil
}

// replayed is the collector of a test.
type replayed struct {
	collector *collector
	state     state
}

// Name implements frame.Collector.
func (r *replayed) Name() string { return "recorded" }

// Families implements frame.Collector.
func (r *replayed) Families() []*frame.Family { return r.collector.Families() }

// Collect implements frame.Collector.
func (r *replayed) Collect(ctx context.Context, s *frame.Sink) error {
	r.collector.tell(ctx, s, r.state)
	return nil
}

// standing compares what health found.
func (r *replayed) standing(t bricks.Test) []string {
	ctx, cancel := context.WithTimeout(context.Background(), measureTime)
	defer cancel()
	v := r.collector.program.judge(ctx, r.state)
	var wrong []string
	if v.known != (t.Up != nil) || v.known && v.up != *t.Up {
		wrong = append(wrong, fmt.Sprintf("health: up is %s, want %s", shown(v.known, v.up), shown(t.Up != nil, t.Up != nil && *t.Up)))
	}
	if string(v.why.Reason) != t.Reason {
		wrong = append(wrong, fmt.Sprintf("health: reason %q (%s), want %q", v.why.Reason, v.why.Words, t.Reason))
	}
	if !strings.Contains(v.why.Words, t.Words) {
		wrong = append(wrong, fmt.Sprintf("health: words %q, want %q in them", v.why.Words, t.Words))
	}
	return wrong
}

func shown(known, up bool) string {
	switch {
	case !known:
		return "not known"
	case up:
		return "true"
	}
	return "false"
}

// samples returns the lines of a page without comments, sorted.
func samples(page string) []string {
	var lines []string
	for line := range strings.Lines(page) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

func difference(want, got []string) []string {
	var wrong []string
	for _, line := range want {
		if !slices.Contains(got, line) {
			wrong = append(wrong, "not on the page: "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			wrong = append(wrong, "on the page, and not in the test: "+line)
		}
	}
	return wrong
}
