package queryapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// A lookup is a question about what series there are.
type lookup struct {
	querier storage.Querier // to be closed after the answer: its strings lie in mapped files
	sets    [][]*labels.Matcher
	limit   int // the client's; 0 is none
	hint    int // how many to fetch: one more than may be sent
	hints   storage.SelectHints
}

// lookup reads limit, start, end and match[], and opens the storage. A bad
// match[] is told by badMatch, since Prometheus names it in some answers only.
func (a *api) lookup(r *http.Request, badMatch func(error) error) (lookup, error) {
	limit, err := limitParam(r)
	if err != nil {
		return lookup{}, err
	}
	start, end, err := rangeParams(r)
	if err != nil {
		return lookup{}, err
	}
	sets, err := a.matchers(r)
	if err != nil {
		return lookup{}, badMatch(err)
	}
	first, last := timestamp.FromTime(start), timestamp.FromTime(end)
	q, err := a.Queryable.Querier(first, last)
	if err != nil {
		return lookup{}, evaluationError(err)
	}
	hint := a.MaxSeries + 1
	if limit > 0 && limit < a.MaxSeries {
		hint = limit + 1
	}
	// There is no function "series"; the token tells the storage that no
	// samples are needed.
	hints := storage.SelectHints{Start: first, End: last, Func: "series", Limit: hint}
	return lookup{querier: q, sets: sets, limit: limit, hint: hint, hints: hints}, nil
}

// within applies the client's limit, and then ours.
func within[T any](a *api, l lookup, found []T, warnings annotations.Annotations) ([]T, annotations.Annotations, error) {
	if l.limit > 0 && len(found) > l.limit {
		found = found[:l.limit]
		warnings.Add(errTruncated)
	}
	if len(found) > a.MaxSeries {
		return nil, nil, a.tooMany(len(found))
	}
	return found, warnings, nil
}

func (a *api) series(r *http.Request, out *reply) error {
	if len(r.Form["match[]"]) == 0 {
		return fail(badData, errors.New("no match[] parameter provided"))
	}
	l, err := a.lookup(r, func(err error) error { return invalid("match[]", err) })
	if err != nil {
		return err
	}
	defer l.querier.Close()

	ctx := r.Context()
	set := l.selectSeries(ctx)
	found := []labels.Labels{}
	for len(found) < l.hint && set.Next() {
		if ctx.Err() != nil {
			return evaluationError(ctx.Err())
		}
		found = append(found, set.At().Labels())
	}
	if set.Err() != nil {
		return evaluationError(set.Err())
	}
	found, warnings, err := within(a, l, found, set.Warnings())
	if err != nil {
		return err
	}
	return out.send(labelSets(found), warnings, "")
}

// selectSeries merges what the matcher sets select; a series that several
// select comes once, for which the merge needs them sorted.
func (l lookup) selectSeries(ctx context.Context) storage.SeriesSet {
	if len(l.sets) == 1 {
		return l.querier.Select(ctx, false, &l.hints, l.sets[0]...)
	}
	selected := make([]storage.SeriesSet, len(l.sets))
	for i, set := range l.sets {
		selected[i] = l.querier.Select(ctx, true, &l.hints, set...)
	}
	return storage.NewMergeSeriesSet(selected, 0, storage.ChainedSeriesMerge)
}

// A fetch asks the storage for names or values.
type fetch func(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error)

func (a *api) labelNames(r *http.Request, out *reply) error {
	l, err := a.lookup(r, badRequest)
	if err != nil {
		return err
	}
	defer l.querier.Close()
	return a.sendStrings(r, out, l, l.querier.LabelNames)
}

func (a *api) labelValues(r *http.Request, out *reply) error {
	name := r.PathValue("name")
	if strings.HasPrefix(name, "U__") { // how a client spells a name with a slash
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return fail(badData, fmt.Errorf("invalid label name: %q", name))
	}
	l, err := a.lookup(r, badRequest)
	if err != nil {
		return err
	}
	defer l.querier.Close()
	return a.sendStrings(r, out, l, func(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return l.querier.LabelValues(ctx, name, hints, matchers...)
	})
}

// sendStrings sends the union of what the matcher sets select, sorted.
func (a *api) sendStrings(r *http.Request, out *reply, l lookup, fetch fetch) error {
	sets := l.sets
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil} // everything
	}
	found := []string{}
	var warnings annotations.Annotations
	for _, set := range sets {
		some, warned, err := fetch(r.Context(), &storage.LabelHints{Limit: l.hint}, set...)
		if err != nil {
			return evaluationError(err)
		}
		warnings.Merge(warned)
		found = append(found, some...)
	}
	slices.Sort(found)
	found, warnings, err := within(a, l, slices.Compact(found), warnings)
	if err != nil {
		return err
	}
	return out.send(found, warnings, "")
}
