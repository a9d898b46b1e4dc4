package jq

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/itchyny/gojq"
	"github.com/prometheus/common/model"

	"tocsin/internal/lazy"
)

// functions are those that jq lacks: ts (a time as text to seconds since
// 1970; ts("UTC") for one without a zone), bool, bytes ("12.5 GiB") and
// duration ("1h30m", "2.5 s").
func functions() []gojq.CompilerOption {
	return []gojq.CompilerOption{
		gojq.WithFunction("ts", 0, 1, timestamp),
		gojq.WithFunction("bool", 0, 0, truth),
		gojq.WithFunction("bytes", 0, 0, size),
		gojq.WithFunction("duration", 0, 0, span),
	}
}

// timestamp reads RFC 3339 with or without a fraction, and a date alone. A time
// without a zone needs one as argument, by its name.
func timestamp(v any, args []any) any {
	text, ok := v.(string)
	if !ok {
		return errors.New("ts: not a text")
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return seconds(t)
	}
	zone := time.UTC
	if len(args) > 0 {
		name, ok := args[0].(string)
		if !ok {
			return errors.New("ts: the zone is not a text")
		}
		z, err := time.LoadLocation(name)
		if err != nil {
			return errors.New("ts: no such zone")
		}
		zone = z
		for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
			if t, err := time.ParseInLocation(layout, text, zone); err == nil {
				return seconds(t)
			}
		}
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return seconds(t)
	}
	return errors.New("ts: no time, or one without a zone")
}

func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// truth reads the words that services use for true and false.
func truth(v any, _ []any) any {
	switch v := v.(type) {
	case bool:
		return v
	case int:
		if v == 0 || v == 1 {
			return v == 1
		}
	case float64:
		if v == 0 || v == 1 {
			return v == 1
		}
	case string:
		switch strings.ToLower(v) {
		case "true", "yes", "on", "1", "enabled":
			return true
		case "false", "no", "off", "0", "disabled":
			return false
		}
	}
	return errors.New("bool: neither true nor false")
}

var sized = lazy.Regexp(`^\s*([0-9]+(?:\.[0-9]+)?)\s*([kKMGTPE]?)(i?)[bB]?\s*$`)

// size reads 12.5 GiB as bytes; kB, MB are powers of 1000, KiB, MiB of 1024.
func size(v any, _ []any) any {
	text, ok := v.(string)
	parts := sized().FindStringSubmatch(text)
	if !ok || parts == nil {
		return errors.New("bytes: no size")
	}
	n, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return errors.New("bytes: no size")
	}
	base := 1000.0
	if parts[3] != "" {
		base = 1024
	}
	if parts[2] != "" {
		n *= math.Pow(base, float64(strings.Index("kmgtpe", strings.ToLower(parts[2]))+1))
	}
	return n
}

// span reads a duration as seconds.
func span(v any, _ []any) any {
	text, ok := v.(string)
	if !ok {
		return errors.New("duration: not a text")
	}
	text = strings.ReplaceAll(text, " ", "")
	if d, err := time.ParseDuration(text); err == nil {
		return d.Seconds()
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return errors.New("duration: no duration")
	}
	return time.Duration(d).Seconds()
}
