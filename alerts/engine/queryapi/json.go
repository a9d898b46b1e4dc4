package queryapi

import (
	"encoding/json"
	"io"
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/stats"
)

// A jsonWriter appends JSON and writes it away in pieces. It exists since a
// result may have millions of points, for each of which encoding/json would
// allocate. After an error of dst it goes on without writing.
type jsonWriter struct {
	dst io.Writer
	buf []byte
	err error
}

func (j *jsonWriter) raw(s string) { j.buf = append(j.buf, s...) }

// spill writes what is kept.
func (j *jsonWriter) spill() {
	if j.err == nil && len(j.buf) > 0 {
		_, j.err = j.dst.Write(j.buf)
	}
	j.buf = j.buf[:0]
}

// element begins element i of an array, and tells whether to go on at all.
func (j *jsonWriter) element(i int) bool {
	if i > 0 {
		j.buf = append(j.buf, ',')
	}
	if len(j.buf) >= spillAt {
		j.spill()
	}
	return j.err == nil
}

// text writes a string. Only what needs escaping goes through encoding/json.
func (j *jsonWriter) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			b, _ := json.Marshal(s) // strings cannot fail
			j.buf = append(j.buf, b...)
			return
		}
	}
	j.buf = append(j.buf, '"')
	j.buf = append(j.buf, s...)
	j.buf = append(j.buf, '"')
}

// time writes milliseconds as seconds, with three decimals if they are needed.
func (j *jsonWriter) time(ms int64) {
	if ms < 0 {
		j.buf = append(j.buf, '-')
		ms = -ms
	}
	j.buf = strconv.AppendInt(j.buf, ms/1000, 10)
	if rest := ms % 1000; rest != 0 {
		j.buf = append(j.buf, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	}
}

// float writes a value as the string that Prometheus makes of it: plain
// digits, an exponent only for the very small and very large, NaN, +Inf, -Inf.
func (j *jsonWriter) float(f float64) {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	j.buf = append(j.buf, '"')
	j.buf = strconv.AppendFloat(j.buf, f, format, -1, 64)
	j.buf = append(j.buf, '"')
}

func (j *jsonWriter) labels(set labels.Labels) {
	sep := "{"
	set.Range(func(l labels.Label) {
		j.raw(sep)
		j.text(l.Name)
		j.raw(":")
		j.text(l.Value)
		sep = ","
	})
	if sep == "{" {
		j.raw(sep)
	}
	j.raw("}")
}

func (j *jsonWriter) point(ms int64, f float64) {
	j.raw("[")
	j.time(ms)
	j.raw(",")
	j.float(f)
	j.raw("]")
}

func (j *jsonWriter) histogramPoint(ms int64, h *histogram.FloatHistogram) {
	j.raw("[")
	j.time(ms)
	j.raw(",")
	j.histogram(h)
	j.raw("]")
}

// histogram writes count, sum and the buckets that are not empty, each as
// bounds rule, lower, upper, count. The rule says which bounds belong to the
// bucket: 0 the upper, 1 the lower, 2 neither, 3 both.
func (j *jsonWriter) histogram(h *histogram.FloatHistogram) {
	j.raw(`{"count":`)
	j.float(h.Count)
	j.raw(`,"sum":`)
	j.float(h.Sum)
	n := 0
	for it := h.AllBucketIterator(); it.Next(); {
		b := it.At()
		if b.Count == 0 {
			continue
		}
		if n == 0 {
			j.raw(`,"buckets":[`)
		} else {
			j.raw(",")
		}
		n++
		switch {
		case b.LowerInclusive && b.UpperInclusive:
			j.raw("[3,")
		case b.LowerInclusive:
			j.raw("[1,")
		case b.UpperInclusive:
			j.raw("[0,")
		default:
			j.raw("[2,")
		}
		j.float(b.Lower)
		j.raw(",")
		j.float(b.Upper)
		j.raw(",")
		j.float(b.Count)
		j.raw("]")
	}
	if n > 0 {
		j.raw("]")
	}
	j.raw("}")
}

// queryData is the data of query and query_range.
type queryData struct {
	value parser.Value
	stats stats.QueryStats // nil unless asked for
}

func (d queryData) stream(j *jsonWriter) {
	j.raw(`{"resultType":"` + string(d.value.Type()) + `","result":`)
	switch v := d.value.(type) {
	case promql.Matrix:
		j.matrix(v)
	case promql.Vector:
		j.vector(v)
	// Scalars and strings marshal themselves, with other spellings of times
	// and of very large values than points have; so Prometheus does it.
	case promql.Scalar, promql.String:
		_ = j.value(v) // a number or a string and a finite time: they cannot fail
	}
	if d.stats != nil {
		b, err := json.Marshal(d.stats)
		if err == nil { // they are numbers, which may be left out, not spoil the answer
			j.raw(`,"stats":`)
			j.buf = append(j.buf, b...)
		}
	}
	j.raw("}")
}

func (j *jsonWriter) vector(v promql.Vector) {
	j.raw("[")
	for i, s := range v {
		if !j.element(i) {
			return
		}
		j.raw(`{"metric":`)
		j.labels(s.Metric)
		if s.H != nil {
			j.raw(`,"histogram":`)
			j.histogramPoint(s.T, s.H)
		} else {
			j.raw(`,"value":`)
			j.point(s.T, s.F)
		}
		j.raw("}")
	}
	j.raw("]")
}

func (j *jsonWriter) matrix(m promql.Matrix) {
	j.raw("[")
	for i, s := range m {
		if !j.element(i) {
			return
		}
		j.raw(`{"metric":`)
		j.labels(s.Metric)
		if len(s.Floats) > 0 {
			j.raw(`,"values":[`)
			for k, p := range s.Floats {
				if !j.element(k) {
					return
				}
				j.point(p.T, p.F)
			}
			j.raw("]")
		}
		if len(s.Histograms) > 0 {
			j.raw(`,"histograms":[`)
			for k, p := range s.Histograms {
				if !j.element(k) {
					return
				}
				j.histogramPoint(p.T, p.H)
			}
			j.raw("]")
		}
		j.raw("}")
	}
	j.raw("]")
}

// labelSets is the data of series.
type labelSets []labels.Labels

func (d labelSets) stream(j *jsonWriter) {
	j.raw("[")
	for i, set := range d {
		if !j.element(i) {
			return
		}
		j.labels(set)
	}
	j.raw("]")
}
