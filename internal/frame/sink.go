package frame

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
)

// A Sink takes the samples of one run of one collector. It may be used from
// several goroutines. After the run's deadline it is sealed: later samples are
// dropped, so that a collector that was left behind cannot change a page that
// is already being read.
type Sink struct {
	declared []*Family

	mu       sync.Mutex // guards what follows
	families map[string]*family
	rejected []error // one for each family at most
	sealed   bool
}

// family is a Family with its samples. The DTO's strings are shared: many
// samples, one name.
type family struct {
	declared *Family
	dto      *dto.MetricFamily
	order    []int // the labels, sorted by name as a page wants them
	index    index // nil: there are few
	shelf    shelf
	broken   bool // an error of this family was recorded already
}

// NewSink returns a sink for one run of a collector that declares these
// families. Collectors get theirs from the runner; tests may make their own.
func NewSink(declared []*Family) *Sink {
	return &Sink{declared: declared, families: make(map[string]*family, len(declared))}
}

// Send adds one sample: its value, and the values of f's labels in their
// order. A sample that would make the page invalid (a duplicate, an
// undeclared name, a wrong number of labels, text that is not UTF-8) is
// dropped and makes the run fail with ReasonInvalid; the others stay.
func (s *Sink) Send(f *Family, value float64, labels ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return
	}
	fam, err := s.family(f)
	if err == nil {
		err = fam.send(value, labels)
	}
	if err != nil {
		s.reject(fam, err)
	}
}

// reject keeps the first error of each family.
func (s *Sink) reject(fam *family, err error) {
	if fam != nil {
		if fam.broken {
			return
		}
		fam.broken = true
	}
	if len(s.rejected) < 10 {
		s.rejected = append(s.rejected, err)
	}
}

func (s *Sink) family(f *Family) (*family, error) {
	if fam, ok := s.families[f.Name]; ok {
		if fam.declared != f && (fam.declared.Type != f.Type || !slices.Equal(fam.declared.Labels, f.Labels)) {
			return fam, fmt.Errorf("%s was sent with two types or label sets", f.Name)
		}
		return fam, nil
	}
	// The pattern match is dear; nearly all families are declared as they are.
	if !slices.Contains(s.declared, f) && !slices.ContainsFunc(s.declared, func(d *Family) bool { return d.Covers(f.Name) }) {
		return nil, fmt.Errorf("%s is not declared by its collector", f.Name)
	}
	if !model.LegacyValidation.IsValidMetricName(f.Name) || slices.ContainsFunc(f.Labels, func(l string) bool { return !model.LegacyValidation.IsValidLabelName(l) }) {
		return nil, fmt.Errorf("%s or one of its labels is no name that every reader takes", strconv.Quote(f.Name))
	}
	typ := dto.MetricType_GAUGE
	switch f.Type {
	case Counter:
		typ = dto.MetricType_COUNTER
	case Untyped:
		typ = dto.MetricType_UNTYPED
	case Histogram:
		typ = dto.MetricType_HISTOGRAM
	}
	fam := &family{
		declared: f,
		dto:      &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: &typ},
		order:    make([]int, len(f.Labels)),
	}
	for i := range fam.order {
		fam.order[i] = i
	}
	slices.SortFunc(fam.order, func(a, b int) int { return strings.Compare(f.Labels[a], f.Labels[b]) })
	s.families[f.Name] = fam
	return fam, nil
}

func (fam *family) send(value float64, labels []string) error {
	if fam.declared.Type == Histogram {
		return fmt.Errorf("%s is a histogram, and was sent as a number", fam.declared.Name)
	}
	return fam.put(fam.shelf.metric(fam.declared.Type, value), labels)
}

// put adds a sample that has its value, and gives it its labels.
func (fam *family) put(m *dto.Metric, labels []string) error {
	f := fam.declared
	if len(labels) != len(f.Labels) {
		return fmt.Errorf("%s was sent with %d label values, it has %d labels", f.Name, len(labels), len(f.Labels))
	}
	for i, v := range labels {
		if !utf8.ValidString(v) {
			return fmt.Errorf("%s: label %s is not UTF-8", f.Name, f.Labels[i])
		}
	}
	if len(labels) > 0 {
		m.Label = fam.shelf.labels(len(labels))
		for i, from := range fam.order {
			p := fam.shelf.pair(len(labels))
			p.value = labels[from] // the caller may use its slice again
			p.dto.Name, p.dto.Value = &f.Labels[from], &p.value
			m.Label[i] = &p.dto
		}
	}
	if !fam.add(m) {
		return fmt.Errorf("%s was sent twice with the same labels", f.Name)
	}
	return nil
}

// seal ends the sink's life and returns what it took.
func (s *Sink) seal() (map[string]*family, []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = true
	for _, fam := range s.families {
		fam.index = nil // what it told apart is told; a page may be kept for long
	}
	return s.families, s.rejected
}

// Page ends the sink's life and returns what it took as a page, in the order of
// names. Its error tells what was dropped. Runners do so by themselves; it is
// for whoever collects once and answers with it.
func (s *Sink) Page() ([]*dto.MetricFamily, error) {
	families, rejected := s.seal()
	page := make([]*dto.MetricFamily, 0, len(families))
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if f := families[name].dto; len(f.Metric) > 0 {
			page = append(page, f)
		}
	}
	return page, errors.Join(rejected...)
}
