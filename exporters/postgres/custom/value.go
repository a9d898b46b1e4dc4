package custom

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// value reads a number of a type as PostgreSQL writes it: a truth value is 1 or
// 0, a time its Unix time in seconds; one without a zone is taken for UTC, as
// postgres_exporter does. The error says what to do, and not what stands there.
func value(oid uint32, raw []byte) (float64, error) {
	s := string(raw)
	switch oid {
	case pgtype.BoolOID:
		if s == "t" {
			return 1, nil
		}
		return 0, nil
	case pgtype.TimestamptzOID, pgtype.TimestampOID, pgtype.DateOID:
		return moment(s)
	case pgtype.IntervalOID:
		return 0, errors.New("is an interval; write extract(epoch FROM it)")
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("is no number; cast it, or make it a label")
	}
	return n, nil
}

// moment reads a time in the style ISO.
func moment(s string) (float64, error) {
	switch s {
	case "infinity":
		return math.Inf(1), nil
	case "-infinity":
		return math.Inf(-1), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999-07:00:00", "2006-01-02 15:04:05.999999", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.UnixMicro()) / 1e6, nil
		}
	}
	return 0, errors.New("is a time that cannot be told in seconds; write extract(epoch FROM it)")
}

// label is a column as a label: what postgres_exporter makes of it.
func label(oid uint32, raw []byte) string {
	switch oid {
	case pgtype.BoolOID:
		if string(raw) == "t" {
			return "true"
		}
		return "false"
	case pgtype.TimestamptzOID, pgtype.TimestampOID, pgtype.DateOID:
		if n, err := moment(string(raw)); err == nil {
			return strconv.FormatFloat(math.Floor(n), 'f', -1, 64)
		}
	}
	return string(raw)
}

// numbers reads an array of them.
func numbers(raw []byte) ([]float64, error) {
	s, ok := strings.CutPrefix(string(raw), "{")
	s, closed := strings.CutSuffix(s, "}")
	if !ok || !closed {
		return nil, errors.New("is no array of numbers; write array_agg(...)")
	}
	if s == "" {
		return nil, nil
	}
	var all []float64
	for word := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, errors.New("has an element that is no number")
		}
		all = append(all, n)
	}
	return all, nil
}
