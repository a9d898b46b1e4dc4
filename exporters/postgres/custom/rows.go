package custom

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/frame"
)

const (
	// longest is how many bytes a label may have: a name, not a document.
	longest = 1024
	// maxUnlisted is how many columns that a queries.yaml does not list are sent.
	maxUnlisted = 100
)

// answer turns the rows of one run, of all databases, into samples.
type answer struct {
	plan       *Plan
	sink       *frame.Sink
	taken      func(name string) bool
	rows       int
	histograms map[*frame.Family]*dto.MetricFamily
	unlisted   map[string]*frame.Family
	wrong      []error         // one for each column
	told       map[string]bool // columns that are in wrong
}

func newAnswer(p *Plan, s *frame.Sink, taken func(string) bool) *answer {
	return &answer{plan: p, sink: s, taken: taken, histograms: map[*frame.Family]*dto.MetricFamily{}, unlisted: map[string]*frame.Family{}, told: map[string]bool{}}
}

// complain notes what is wrong with a column, once.
func (a *answer) complain(column, format string, args ...any) {
	if !a.told[column] {
		a.told[column] = true
		a.wrong = append(a.wrong, fmt.Errorf("column %s "+format, append([]any{column}, args...)...))
	}
}

// err is what was wrong with the answer.
func (a *answer) err() error {
	if len(a.wrong) == 0 {
		return nil
	}
	return frame.Fail(frame.ReasonInvalid, errors.Join(a.wrong...))
}

// A layout is where the columns of the plan stand in the answer of one
// database, whose server is of one version.
type layout struct {
	fields   []pgconn.FieldDescription
	labels   []int
	columns  []placed
	unlisted []int
}

type placed struct {
	column
	at                 int
	bucket, sum, count int // of a histogram
}

// place finds the columns. Without one of its labels the query tells nothing:
// rows could not be told apart.
func (a *answer) place(fields []pgconn.FieldDescription, version int) (*layout, error) {
	l := &layout{fields: slices.Clone(fields)}
	at := map[string]int{}
	for i := range fields {
		if _, twice := at[fields[i].Name]; twice {
			a.complain(fields[i].Name, "is there twice; the first is taken")
			continue
		}
		at[fields[i].Name] = i
	}
	used := map[string]bool{}
	find := func(name string) (int, bool) {
		i, ok := at[name]
		used[name] = true
		return i, ok
	}
	for _, name := range a.plan.labels {
		i, ok := find(name)
		if !ok {
			return nil, frame.Fail(frame.ReasonInvalid, fmt.Errorf("the statement gives no column %s, which is a label; name it so by AS", name))
		}
		l.labels = append(l.labels, i)
	}
	for _, c := range a.plan.columns {
		p := placed{column: c}
		var ok bool
		if p.at, ok = find(c.name); c.usage == histogram {
			var three [3]bool
			p.bucket, three[0] = find(c.name + "_bucket")
			p.sum, three[1] = find(c.name + "_sum")
			p.count, three[2] = find(c.name + "_count")
			if three != [3]bool{true, true, true} {
				a.complain(c.name, "is a histogram, and needs %s_bucket, %s_sum and %s_count beside it", c.name, c.name, c.name)
				continue
			}
		}
		switch {
		case c.usage == discard, !c.versions.has(version):
		case !ok:
			a.complain(c.name, "is not in the answer; name it so by AS, or strike it")
		default:
			l.columns = append(l.columns, p)
		}
	}
	for i := range fields {
		if a.plan.old && !used[fields[i].Name] && len(l.unlisted) < maxUnlisted {
			l.unlisted = append(l.unlisted, i)
		}
	}
	return l, nil
}

// add sends one row.
func (a *answer) add(l *layout, database string, row [][]byte) {
	var labels []string
	if a.plan.tag {
		labels = append(labels, database)
	}
	for i, at := range l.labels {
		text := strings.ToValidUTF8(label(l.fields[at].DataTypeOID, row[at]), "\uFFFD")
		if len(text) > longest {
			a.complain(a.plan.labels[i], "is longer than %d bytes, too long for a label; such rows are left out", longest)
			return
		}
		labels = append(labels, text)
	}
	for i := range l.columns {
		if err := a.column(l, &l.columns[i], row, labels); err != nil {
			a.complain(l.columns[i].name, "%w", err)
		}
	}
	for _, at := range l.unlisted {
		a.send(l, at, row[at], labels)
	}
}

func (a *answer) column(l *layout, c *placed, row [][]byte, labels []string) error {
	raw, n := row[c.at], math.NaN()
	var err error
	switch {
	case c.usage == histogram:
		return a.histogram(l, c, row, labels)
	case raw == nil && !a.plan.old:
		return nil
	case raw == nil && c.usage != number:
		return nil
	case raw == nil:
	case c.usage == mapped:
		var ok bool
		if n, ok = c.mapping[string(raw)]; !ok {
			return errors.New("has a text that metric_mapping does not know")
		}
	case c.usage == duration:
		d, wrong := time.ParseDuration(string(raw))
		if string(raw) == "-1" {
			return nil
		}
		if wrong != nil {
			return errors.New("is no duration as 1h30m")
		}
		n = float64(d / time.Millisecond)
	default:
		n, err = value(l.fields[c.at].DataTypeOID, raw)
	}
	if err == nil {
		a.sink.Send(c.family, n, labels...)
	}
	return err
}

// send sends a column of a queries.yaml that it does not list: what is no
// number is not missed.
func (a *answer) send(l *layout, at int, raw []byte, labels []string) {
	n, err := math.NaN(), error(nil)
	if raw != nil {
		n, err = value(l.fields[at].DataTypeOID, raw)
	}
	name := a.plan.Name + "_" + l.fields[at].Name
	if err != nil || badName(name) != "" || a.taken(name) {
		return
	}
	f := a.unlisted[name]
	if f == nil {
		f = &frame.Family{Name: name, Type: frame.Untyped, Labels: a.plan.labelNames(), Help: "Unknown metric from " + a.plan.Name}
		a.unlisted[name] = f
	}
	a.sink.Send(f, n, labels...)
}

// histogram puts the four columns of one together: the bounds, how many are
// within each, their sum and their number.
func (a *answer) histogram(l *layout, c *placed, row [][]byte, labels []string) error {
	bounds, err := numbers(row[c.at])
	if err != nil {
		return err
	}
	counts, err := numbers(row[c.bucket])
	if err != nil {
		return fmt.Errorf("_bucket: %w", err)
	}
	if len(bounds) != len(counts) {
		return fmt.Errorf("has %d bounds and %d counts", len(bounds), len(counts))
	}
	sum, err := value(l.fields[c.sum].DataTypeOID, row[c.sum])
	if err != nil {
		return fmt.Errorf("_sum: %w", err)
	}
	count, err := value(l.fields[c.count].DataTypeOID, row[c.count])
	if err != nil {
		return fmt.Errorf("_count: %w", err)
	}
	total := whole(count)
	h := &dto.Histogram{SampleSum: &sum, SampleCount: &total}
	for i, bound := range bounds {
		n := whole(counts[i])
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &n})
	}
	slices.SortFunc(h.Bucket, func(a, b *dto.Bucket) int {
		if a.GetUpperBound() < b.GetUpperBound() {
			return -1
		}
		return 1
	})
	m := &dto.Metric{Histogram: h}
	for i, v := range labels {
		m.Label = append(m.Label, &dto.LabelPair{Name: &c.family.Labels[i], Value: &v})
	}
	mf := a.histograms[c.family]
	if mf == nil {
		mf = &dto.MetricFamily{Name: &c.family.Name, Help: &c.family.Help, Type: dto.MetricType_HISTOGRAM.Enum()}
		a.histograms[c.family] = mf
	}
	mf.Metric = append(mf.Metric, m)
	return nil
}

func whole(n float64) uint64 {
	if n > 0 { // NaN is not
		return uint64(min(n, 1<<53))
	}
	return 0
}

// finish sends what was put together over all rows.
func (a *answer) finish() {
	for _, mf := range a.histograms {
		a.sink.Pass(mf)
	}
}
