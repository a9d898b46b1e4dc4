package queryapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

func written(t *testing.T, s streamer) string {
	t.Helper()
	var b bytes.Buffer
	j := &jsonWriter{dst: &b}
	s.stream(j)
	j.spill()
	if j.err != nil {
		t.Fatal(j.err)
	}
	return b.String()
}

func TestJSON_spelling(t *testing.T) {
	t.Parallel()
	set := labels.FromStrings("__name__", "a", "b", "x\"\\\n<é\x7f\xff")
	h := &histogram.FloatHistogram{
		Schema: 0, Count: 6, Sum: -1.5, ZeroThreshold: 0.001, ZeroCount: 1,
		PositiveSpans: []histogram.Span{{Offset: 0, Length: 3}}, PositiveBuckets: []float64{1, 0, 2},
		NegativeSpans: []histogram.Span{{Offset: 1, Length: 1}}, NegativeBuckets: []float64{2},
	}
	for name, test := range map[string]struct {
		value parser.Value
		want  string
	}{
		"empty vector": {promql.Vector{}, `{"resultType":"vector","result":[]}`},
		"empty matrix": {promql.Matrix{}, `{"resultType":"matrix","result":[]}`},
		"no labels":    {promql.Vector{{T: 1000, F: 1}}, `{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}`},
		"escapes": {
			promql.Vector{{Metric: set, T: -1, F: math.NaN()}},
			`{"resultType":"vector","result":[{"metric":{"__name__":"a","b":"x\"\\\n\u003cé` + "\x7f" + `\ufffd"},"value":[-0.001,"NaN"]}]}`,
		},
		"numbers": {
			promql.Matrix{{Floats: []promql.FPoint{
				{T: 1100, F: math.Inf(1)}, {T: 1010, F: math.Inf(-1)}, {T: 1001, F: 1e-7}, {T: 1000, F: 1e21}, {T: 0, F: 123456789.5}, {T: 1, F: math.Copysign(0, -1)},
			}}},
			`{"resultType":"matrix","result":[{"metric":{},"values":[[1.100,"+Inf"],[1.010,"-Inf"],[1.001,"1e-07"],[1,"1e+21"],[0,"123456789.5"],[0.001,"-0"]]}]}`,
		},
		"histogram": {
			promql.Vector{{T: 1000, H: h}},
			`{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"6","sum":"-1.5","buckets":[` +
				`[1,"-2","-1","2"],[3,"-0.001","0.001","1"],[0,"0.5","1","1"],[0,"2","4","2"]]}]}]}`,
		},
		"empty histogram": {
			promql.Matrix{{Histograms: []promql.HPoint{{T: 1000, H: &histogram.FloatHistogram{}}, {T: 2000, H: &histogram.FloatHistogram{}}}}},
			`{"resultType":"matrix","result":[{"metric":{},"histograms":[[1,{"count":"0","sum":"0"}],[2,{"count":"0","sum":"0"}]]}]}`,
		},
		"scalar": {promql.Scalar{T: 1500, V: 1e30}, `{"resultType":"scalar","result":[1.5,"1000000000000000000000000000000"]}`},
		"string": {promql.String{T: 1000, V: "\"<"}, `{"resultType":"string","result":[1,"\"\u003c"]}`},
	} {
		got := written(t, queryData{value: test.value})
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s is not JSON", name)
		}
	}
}

type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) {
	b.writes++
	return 0, errors.New("the client has gone")
}

func TestJSON_stopsWhenTheClientHasGone(t *testing.T) {
	t.Parallel()
	series := promql.Series{Floats: make([]promql.FPoint, 100_000)}
	gone := &broken{}
	j := &jsonWriter{dst: gone}
	queryData{value: promql.Matrix{series, series}}.stream(j)
	j.spill()
	if gone.writes != 1 {
		t.Errorf("%d writes after the first failed, want one in all", gone.writes)
	}
	if len(j.buf) != 0 || cap(j.buf) > 4*spillAt {
		t.Errorf("kept %d of %d bytes for a client that has gone", len(j.buf), cap(j.buf))
	}
}

func FuzzJSONText(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\n\u2028<>&\xff日")
	f.Fuzz(func(t *testing.T, s string) {
		j := &jsonWriter{}
		j.text(s)
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got, same string
		if err := json.Unmarshal(j.buf, &got); err != nil {
			t.Fatalf("%q: %v", j.buf, err)
		}
		if err := json.Unmarshal(want, &same); err != nil || got != same {
			t.Fatalf("%q reads as %q, want %q", j.buf, got, same)
		}
	})
}
