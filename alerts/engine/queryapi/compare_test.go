package queryapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/testenv"
)

// A question is put to a real Prometheus 2.42 and to us.
type question struct {
	name, path string
	form       string // url-encoded by hand where that matters; AT, AGO and LATER are times
	method     string // GET and POST, each, unless given
	sorted     bool   // the order of the result is part of the answer
	live       bool   // the answer tells how things stand now; a busy machine may fail one scrape

	// differs says why the two answers are not the same. Then ours must be
	// exactly what want says (status, and text that the body holds), and the
	// real one's must not: so no entry outlives its reason.
	differs string
	status  int
	want    string
}

// masked are fields that two programs can never share, each with the reason.
// They are compared for being there, not for what they say.
var masked = map[string]string{
	"lastScrape":         "each program scrapes by its own clock",
	"lastScrapeDuration": "each program scrapes by its own clock",
	"lastEvaluation":     "each program evaluates by its own clock",
	"evaluationTime":     "each program evaluates by its own clock",
	"activeAt":           "each program evaluates by its own clock",
	"globalUrl":          "Prometheus puts its own host's name for 127.0.0.1, we leave the URL as it is",
	"timings":            "measured durations",
	"samples":            "3.x counts more kinds of samples than 2.42",
	"version":            "the two are not the same program",
	"revision":           "the two are not the same program",
	"branch":             "the two are not the same program",
	"buildUser":          "the two are not the same program",
	"buildDate":          "the two are not the same program",
	"goVersion":          "the two are not the same program",
}

// added are fields that 3.x has and 2.42 has not.
var added = map[string]string{
	"infos":               "2.42 knows no infos (they came with 2.54)",
	"warnings":            "2.42 warns of remote storage only, 3.x of the expression too",
	"droppedTargetCounts": "came with 2.47",

	"__scrape_native_histograms__":           "3.x tells more of a target's settings in its discovered labels",
	"__always_scrape_classic_histograms__":   "the same",
	"__convert_classic_histograms_to_nhcb__": "the same",
}

// reworded are texts of errors that say the same in other words, or name what
// is left to chance. Both answers are brought to the second form.
var reworded = []struct {
	from *regexp.Regexp
	to   string
	why  string
}{
	{regexp.MustCompile(`: Invalid time value`), `: invalid time value`, "3.x begins with a small letter"},
	{regexp.MustCompile(`^invalid parameter "query": `), ``, "2.42 names the parameter for query only, 3.x for query_range too"},
	{regexp.MustCompile(`^query timed out in .*`), `query timed out`, "where the time is up is left to chance"},
	{regexp.MustCompile(`: \[\{.*\}\];`), `: [...];`, "which two of many duplicates are named depends on the storage's order"},
}

func TestAnswers_areThoseOfARealPrometheus(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, q := range questions() {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if q.method != "" && q.method != method {
				continue
			}
			t.Run(q.name+"_"+method, func(t *testing.T) { ask(t, p, q, method) })
		}
	}
}

func ask(t *testing.T, p pair, q question, method string) {
	text := strings.NewReplacer(
		"AT", seconds(p.at), "AGO", seconds(p.at.Add(-3*time.Second)), "LATER", seconds(p.at.Add(time.Hour)),
		"RFC", url.QueryEscape(p.at.UTC().Format(time.RFC3339Nano)),
	).Replace(q.form)
	form, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	var realStatus, ourStatus int
	var realBody, ourBody, diff string
	put := func(context.Context) error {
		realStatus, realBody = fetch(t, method, p.real+q.path, form)
		ourStatus, ourBody = fetch(t, method, p.ours.URL+q.path, form)
		diff = cmp.Diff(normal(t, realStatus, realBody, q.sorted), normal(t, ourStatus, ourBody, q.sorted))
		if diff != "" {
			return fmt.Errorf("%s %s?%s (-real +ours)\n%s", method, q.path, text, diff)
		}
		return nil
	}
	if q.live && q.differs == "" {
		testenv.Eventually(t, 10*time.Second, "the same state", put)
		return
	}
	err = put(t.Context())
	if q.differs == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if diff == "" {
		t.Errorf("%s %s: the answers are the same, but the list says they differ: %s\n%s", method, q.path, q.differs, ourBody)
	}
	if ourStatus != q.status || !strings.Contains(ourBody, q.want) {
		t.Errorf("%s %s?%s: ours is %d %s\nwant %d with %s\nreal is %d %s", method, q.path, text, ourStatus, ourBody, q.status, q.want, realStatus, realBody)
	}
}

// normal makes an answer comparable: masked fields, no added ones, lists whose
// order Prometheus leaves open sorted. Numbers keep their spelling.
func normal(t *testing.T, status int, body string, sorted bool) map[string]any {
	t.Helper()
	found := map[string]any{"http status": status}
	if !strings.HasPrefix(body, "{") {
		found["text"] = body
		return found
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var answer map[string]any
	if err := d.Decode(&answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	found["answer"] = mask(answer, sorted)
	return found
}

func mask(v any, sorted bool) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch {
			case added[key] != "":
				delete(v, key)
			case masked[key] != "":
				v[key] = fmt.Sprintf("%T, masked", value)
			case key == "labels" && len(value.(map[string]any)) == 0:
				delete(v, key) // 2.42 leaves the labels of a rule out when there are none
			case key == "error", key == "lastError":
				v[key] = reword(value.(string))
			default:
				v[key] = mask(value, sorted)
			}
		}
	case []any:
		for i := range v {
			v[i] = mask(v[i], sorted)
		}
		// Only lists of objects: a list of strings has its order by contract,
		// and a point is a list too.
		if _, objects := first(v).(map[string]any); objects && !sorted {
			slices.SortFunc(v, func(a, b any) int { return strings.Compare(spelled(a), spelled(b)) })
		}
	}
	return v
}

func reword(s string) string {
	for _, r := range reworded {
		s = r.from.ReplaceAllString(s, r.to)
	}
	return s
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func spelled(v any) string {
	b, _ := json.Marshal(v) // it was JSON
	return string(b)
}
