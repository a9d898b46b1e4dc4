package queryapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/stats"
)

// maxPoints is Prometheus' bound of the points of one series: a week by the
// minute, a year by the hour.
const maxPoints = 11_000

var errTruncated = errors.New("results truncated due to limit")

// A newQuery prepares a query in the engine.
type newQuery func(ctx context.Context, opts promql.QueryOpts, text string) (promql.Query, error)

func (a *api) query(r *http.Request, out *reply) error {
	limit, err := limitParam(r)
	if err != nil {
		return err
	}
	at, err := timeParam(r, "time", a.Now())
	if err != nil {
		return err
	}
	return a.evaluate(r, out, limit, func(ctx context.Context, opts promql.QueryOpts, text string) (promql.Query, error) {
		return a.Engine.NewInstantQuery(ctx, a.Queryable, opts, text, at)
	})
}

func (a *api) queryRange(r *http.Request, out *reply) error {
	limit, err := limitParam(r)
	if err != nil {
		return err
	}
	start, end, step, err := steps(r)
	if err != nil {
		return err
	}
	return a.evaluate(r, out, limit, func(ctx context.Context, opts promql.QueryOpts, text string) (promql.Query, error) {
		return a.Engine.NewRangeQuery(ctx, a.Queryable, opts, text, start, end, step)
	})
}

// steps reads start, end and step of a range query.
func steps(r *http.Request) (start, end time.Time, step time.Duration, err error) {
	if start, err = parseTime(r.FormValue("start")); err != nil {
		return start, end, step, invalid("start", err)
	}
	if end, err = parseTime(r.FormValue("end")); err != nil {
		return start, end, step, invalid("end", err)
	}
	if end.Before(start) {
		return start, end, step, invalid("end", errors.New("end timestamp must not be before start time"))
	}
	if step, err = parseDuration(r.FormValue("step")); err != nil {
		return start, end, step, invalid("step", err)
	}
	if step <= 0 {
		return start, end, step, invalid("step", errors.New(
			"zero or negative query resolution step widths are not accepted. Try a positive integer"))
	}
	if step < time.Millisecond {
		return start, end, step, invalid("step", errors.New("the smallest step is one millisecond"))
	}
	// In floats, since a duration between the outermost times overflows.
	points := (float64(end.UnixMilli()) - float64(start.UnixMilli())) / float64(step.Milliseconds())
	if math.Floor(points) > maxPoints {
		return start, end, step, fail(badData, errors.New(
			"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"))
	}
	return start, end, step, nil
}

// evaluate runs a query and sends its result.
func (a *api) evaluate(r *http.Request, out *reply, limit int, prepare newQuery) error {
	ctx := r.Context()
	if s := r.FormValue("timeout"); s != "" {
		d, err := parseDuration(s)
		if err != nil {
			return invalid("timeout", err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	var lookback time.Duration // 0 is the engine's
	if s := r.FormValue("lookback_delta"); s != "" {
		var err error
		if lookback, err = parseDuration(s); err != nil {
			return fail(badData, fmt.Errorf("error parsing lookback delta duration: %w", err))
		}
	}
	text, err := expression(r)
	if err != nil {
		return err
	}
	withStats := r.FormValue("stats")
	q, err := prepare(ctx, promql.NewPrometheusQueryOpts(withStats == "all", lookback), text)
	if err != nil {
		return invalid("query", err)
	}
	defer q.Close()

	result := q.Exec(ctx)
	if result.Err != nil {
		return evaluationError(result.Err)
	}
	value, cut := truncate(result.Value, limit)
	if n := seriesIn(value); n > a.MaxSeries {
		return a.tooMany(n)
	}
	if cut {
		result.Warnings.Add(errTruncated)
	}
	data := queryData{value: value}
	if withStats != "" {
		data.stats = stats.NewQueryStats(q.Stats())
	}
	return out.send(data, result.Warnings, text)
}

// truncate cuts a vector or matrix to the limit that the client asked for.
func truncate(value parser.Value, limit int) (parser.Value, bool) {
	if limit == 0 || seriesIn(value) <= limit {
		return value, false
	}
	switch v := value.(type) {
	case promql.Matrix:
		return v[:limit], true
	case promql.Vector:
		return v[:limit], true
	}
	return value, false
}

func seriesIn(value parser.Value) int {
	switch v := value.(type) {
	case promql.Matrix:
		return len(v)
	case promql.Vector:
		return len(v)
	}
	return 0
}

// tooMany is the error of an answer that would be longer than MaxSeries.
func (a *api) tooMany(n int) error {
	return fail(execution, fmt.Errorf("the answer has %d entries or more, and %d are allowed: select or aggregate more narrowly, or set the parameter limit", n, a.MaxSeries))
}

func (a *api) formatQuery(r *http.Request, out *reply) error {
	text, err := expression(r)
	if err != nil {
		return err
	}
	expr, err := a.Parser.ParseExpr(text)
	if err != nil {
		return invalid("query", err)
	}
	return out.send(expr.Pretty(0), nil, "")
}

// queryExemplars checks the question and answers that there are none.
func (a *api) queryExemplars(r *http.Request, out *reply) error {
	start, end, err := rangeParams(r)
	if err != nil {
		return err
	}
	if end.Before(start) {
		return fail(badData, errors.New("end timestamp must not be before start timestamp"))
	}
	text, err := expression(r)
	if err != nil {
		return err
	}
	if _, err := a.Parser.ParseExpr(text); err != nil {
		return fail(badData, err)
	}
	return out.send([]struct{}{}, nil, "")
}
