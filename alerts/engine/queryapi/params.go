package queryapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// maxTokens bounds an expression. 10,000 tokens parse in a tenth of a second
// in the worst nesting; Grafana's longest have some hundred.
const maxTokens = 10_000

// maxSeconds is the bound of times, before and after 1970: Prometheus' own
// smallest and largest time, which clients send to mean "everything".
const maxSeconds = math.MaxInt64/1000 - 62135596801

func minTime() time.Time { return time.Unix(-maxSeconds, 0).UTC() }
func maxTime() time.Time { return time.Unix(maxSeconds, 999999999).UTC() }

// parseTime reads a time: seconds since 1970 with a fraction, kept to the
// millisecond, or RFC 3339.
func parseTime(s string) (time.Time, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) <= maxSeconds {
		return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	// The outermost times have years of nine digits, which time.Parse refuses.
	switch s {
	case minTime().Format(time.RFC3339Nano):
		return minTime(), nil
	case maxTime().Format(time.RFC3339Nano):
		return maxTime(), nil
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
}

// timeParam reads an optional time.
func timeParam(r *http.Request, name string, or time.Time) (time.Time, error) {
	s := r.FormValue(name)
	if s == "" {
		return or, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return time.Time{}, invalid(name, fmt.Errorf("invalid time value for '%s': %w", name, err))
	}
	return t, nil
}

// rangeParams reads the optional start and end of a lookup.
func rangeParams(r *http.Request) (start, end time.Time, err error) {
	if start, err = timeParam(r, "start", minTime()); err != nil {
		return start, end, err
	}
	end, err = timeParam(r, "end", maxTime())
	return start, end, err
}

// parseDuration reads a duration: seconds with a fraction, or 5m, 1h30m.
func parseDuration(s string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) {
		ns := f * float64(time.Second)
		// float64(math.MaxInt64) is one more than the largest duration.
		if ns >= math.MaxInt64 || ns < math.MinInt64 {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", s)
		}
		return time.Duration(ns), nil
	}
	if d, err := model.ParseDuration(s); err == nil {
		return time.Duration(d), nil
	}
	return 0, fmt.Errorf("cannot parse %q to a valid duration", s)
}

// limitParam reads the optional limit; 0 means none.
func limitParam(r *http.Request) (int, error) {
	s := r.FormValue("limit")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && n < 0 {
		err = errors.New("limit must be non-negative")
	}
	if err != nil {
		return 0, invalid("limit", err)
	}
	return n, nil
}

// countParam reads a limit of the metadata, where a negative one means none.
func countParam(r *http.Request, name string) (int, error) {
	s := r.FormValue(name)
	if s == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fail(badData, errors.New(name+" must be a number"))
	}
	return n, nil
}

// matchers reads match[], each a set of which one label at least must be
// there: a selector of everything is mostly a mistake.
func (a *api) matchers(r *http.Request) ([][]*labels.Matcher, error) {
	sets, err := a.Parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(sets, matchesNothing) {
		return nil, errors.New("match[] must contain at least one non-empty matcher")
	}
	return sets, nil
}

// matchesNothing tells whether a series without labels would match.
func matchesNothing(set []*labels.Matcher) bool {
	for _, m := range set {
		if m != nil && !m.Matches("") {
			return false
		}
	}
	return true
}

// expression reads the query, and refuses one too long to parse in good time.
func expression(r *http.Request) (string, error) {
	text := r.FormValue("query")
	lexer, tokens := parser.Lex(text), 0
	for {
		var item parser.Item
		lexer.NextItem(&item)
		if item.Typ == parser.EOF || item.Typ == parser.ERROR { // the parser tells of errors
			return text, nil
		}
		if tokens++; tokens > maxTokens {
			return "", invalid("query", fmt.Errorf("more than %d tokens", maxTokens))
		}
	}
}
