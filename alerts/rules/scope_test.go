package rules

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
)

// evaluator asks a real PromQL engine.
type evaluator struct {
	engine *promql.Engine
	store  storage.Storage
}

func newEvaluator(t *testing.T, series string) evaluator {
	t.Helper()
	store := promqltest.LoadedStorage(t, series)
	t.Cleanup(func() { store.Close() })
	return evaluator{engine: promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6), store: store}
}

func (e evaluator) at(t *testing.T, expr string, when time.Time) promql.Vector {
	t.Helper()
	q, err := e.engine.NewInstantQuery(t.Context(), e.store, nil, expr, when)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer q.Close()
	v, err := q.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return slices.Clone(v)
}

// spiteful are label values that a matcher could stumble over.
func spiteful() []string {
	return []string{"", "/", "/backup", "/back.p", "$1", "$$", `\`, `"`, "é\n", ".*", "x;y"}
}

// expressions are of all the shapes that rules have: the number is 0.5.
func expressions() []string {
	return []string{
		`m > 0.5`,
		`0 + m > 0.5 # a remark`,
		`max without (from) (m) > 0.5`,
		`(sum by (a, b) (m)) > 0.5`,
		`(m unless on (a) n == 1) > 0.5`,
		`m and on (b) n < 0.5`,
		"(\n  m / on (a, b, from) m * m\n  or n\n) > 0.5",
		`(max without (c) (label_replace(m, "d", "$1", "b", "(.*)"))) >= 0.5`,
	}
}

// What overrides do is compared with what they say, on random data: each
// sample of the comparison's left side belongs to the first entry that fits
// it, is compared with that entry's number, and rings with that entry's
// duration and severity, once.
func TestVariants_divideTheAlertsAsTheEntriesSay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		e := newEvaluator(t, randomSeries(rnd))
		for _, expr := range expressions() {
			r := Rule{Alert: "R", Expr: expr, For: model.Duration(time.Minute), Labels: map[string]string{"severity": "warning"}}
			parsed, err := parse(expr)
			if err != nil {
				t.Fatal(err)
			}
			r.Threshold = thresholdOf(parsed)
			entries := randomEntries(rnd, r.Threshold != nil)
			got := ring(t, e, r, entries)
			want := wanted(t, e, r, entries)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("round %d: %s with %+v (-want +got):\n%s", round, expr, entries.List, diff)
			}
		}
	}
}

// ring evaluates the variants and lists each alert with what it rings as.
func ring(t *testing.T, e evaluator, r Rule, entries Entries) []string {
	t.Helper()
	variants, err := entries.variants(r)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range variants {
		for _, s := range e.at(t, v.Expr, time.Unix(0, 0)) {
			out = append(out, told(s, v.For, v.Severity))
		}
	}
	slices.Sort(out)
	return out
}

func told(s promql.Sample, wait model.Duration, severity string) string {
	return fmt.Sprintf("%v %v for %s as %s", s.Metric.DropReserved(func(n string) bool { return n == "__name__" }), s.F, wait, severity)
}

// wanted decides in Go, sample by sample.
func wanted(t *testing.T, e evaluator, r Rule, entries Entries) []string {
	t.Helper()
	left := r.Expr
	if r.Threshold != nil {
		parsed, err := parse(r.Expr)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := comparison(parsed)
		left = b.LHS.String()
	}
	var out []string
	for _, s := range e.at(t, left, time.Unix(0, 0)) {
		entry := Entry{}
		if i := slices.IndexFunc(entries.List, func(o Entry) bool { return fits(o, s) }); i >= 0 {
			entry = entries.List[i]
		}
		if entry.Off || r.Threshold != nil && !exceeds(r.Threshold, entry.Threshold, s.F) {
			continue
		}
		wait, severity := r.For, r.Severity()
		if entry.For != nil {
			wait = *entry.For
		}
		if entry.Severity != "" {
			severity = entry.Severity
		}
		out = append(out, told(s, wait, severity))
	}
	slices.Sort(out)
	return out
}

func fits(e Entry, s promql.Sample) bool {
	for label, value := range e.Match {
		if s.Metric.Get(label) != value {
			return false
		}
	}
	return true
}

func exceeds(base *Threshold, own *float64, v float64) bool {
	limit := base.Value
	if own != nil {
		limit = *own
	}
	if base.Op == ">=" {
		return v >= limit
	}
	return v > limit
}

func randomSeries(rnd *rand.Rand) string {
	var b strings.Builder
	b.WriteString("load 1m\n")
	seen := map[string]bool{}
	for range 12 {
		for _, name := range []string{"m", "n"} {
			labels := []string{`from="x"`}
			for _, l := range []string{"a", "b"} {
				labels = append(labels, l+"="+strconv.Quote(pick(rnd, spiteful())))
			}
			key := name + "{" + strings.Join(labels, ",") + "}"
			if !seen[key] {
				seen[key] = true
				fmt.Fprintf(&b, "  %s %g\n", key, float64(rnd.IntN(5))/4)
			}
		}
	}
	return b.String()
}

func randomEntries(rnd *rand.Rand, threshold bool) Entries {
	e := Entries{list: true}
	for range rnd.IntN(4) {
		var entry Entry
		for _, l := range []string{"a", "b"} {
			if rnd.IntN(2) == 0 {
				if entry.Match == nil {
					entry.Match = map[string]string{}
				}
				entry.Match[l] = pick(rnd, spiteful())
			}
		}
		switch rnd.IntN(4) {
		case 0:
			entry.Off = true
		case 1:
			wait := model.Duration(time.Duration(rnd.IntN(3)) * time.Minute)
			entry.For = &wait
		case 2:
			entry.Severity = pick(rnd, severities())
		}
		if threshold && !entry.Off {
			v := float64(rnd.IntN(5)) / 4
			entry.Threshold = &v
		}
		e.List = append(e.List, entry)
	}
	return e
}

func pick(rnd *rand.Rand, from []string) string { return from[rnd.IntN(len(from))] }

func TestVariants_ofOneDurationAndSeverityAreOneRule(t *testing.T) {
	low, high := 0.9, 0.99
	wait := model.Duration(time.Hour)
	r := Rule{Alert: "R", Expr: "m > 0.95", Labels: map[string]string{"severity": "critical"}}
	e := Entries{List: []Entry{
		{Match: map[string]string{"a": "1"}, Threshold: &high},
		{Match: map[string]string{"a": "2"}, For: &wait},
		{Threshold: &low},
	}}
	got, err := e.variants(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].For != 0 || got[1].For != wait {
		t.Errorf("the variants are %+v, want one of no duration and one of an hour", got)
	}
}

func TestLabelsOf_isNeverWrongAboutRealResults(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	e := newEvaluator(t, randomSeries(rnd))
	shapes := append(expressions(),
		`count_values("v", m)`, `absent(none{a="x"})`, `topk(2, m)`, `vector(1)`, `m * on (a) group_left (c) label_replace(max by (a) (n), "c", "x", "", "")`,
		`label_join(m, "j", "-", "a", "b")`, `m * ignoring (b, from) max by (a) (m)`, `max_over_time(m[5m:1m])`, `-m`, `2 - m`, `sort(m)`, `(m) or n`,
	)
	for _, expr := range shapes {
		parsed, err := parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		can := labelsOf(parsed)
		q, err := e.engine.NewInstantQuery(t.Context(), e.store, nil, expr, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		v, err := q.Exec(t.Context()).Vector()
		if err != nil {
			q.Close()
			continue // many-to-many on this data: nothing to compare
		}
		for _, s := range v {
			for name := range maps.Keys(s.Metric.Map()) {
				if name != "__name__" && !can.may(name) {
					t.Errorf("%s carries %s, labelsOf says that it cannot", expr, name)
				}
			}
		}
		q.Close()
	}
}
