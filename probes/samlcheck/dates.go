package samlcheck

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

// parseTime reads an xs:dateTime. SAML wants UTC; one without a zone is taken
// for that.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("its validUntil %.40q is no date", text)
}

// duration is an xs:duration.
var duration = regexp.MustCompile(`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)

// parseDuration reads an xs:duration; a year counts 365 days, a month 30.
func parseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	m := duration.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("its cacheDuration %.40q is no duration", text)
	}
	const day = 24 * 3600.0
	var seconds float64
	for i, unit := range []float64{365 * day, 30 * day, day, 3600, 60, 1} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.ParseFloat(m[i+1], 64)
		if err != nil {
			return 0, fmt.Errorf("its cacheDuration %.40q is no duration", text)
		}
		seconds += n * unit
	}
	if most := float64(math.MaxInt64 / int64(time.Second)); seconds >= most {
		return math.MaxInt64, nil
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
