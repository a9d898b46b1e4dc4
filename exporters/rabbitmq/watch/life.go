package watch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/frame"
)

var endOfLife = &frame.Family{
	Name: "tocsin_rabbitmq_end_of_life_timestamp_seconds", Type: frame.Gauge, Labels: []string{"series"},
	Help: "When upstream's community support of the broker's series ended: at the first release of the next. Absent for the newest series that is known.",
}

func lifeFamilies() []*frame.Family { return []*frame.Family{endOfLife} }

// A release is a series and the day of its first release.
type release struct{ name, first string }

// series are the release series of RabbitMQ, oldest first, each with the day
// of its first release. Community support of a series ends on the day of the
// next one's: so COMMUNITY_SUPPORT.md of rabbitmq/rabbitmq-server says, and so
// its site's table of releases reckons (rabbitmq/rabbitmq-website,
// src/components/RabbitMQServerReleaseInfo). The days are those of the tags
// vX.Y.0 in rabbitmq/rabbitmq-server, as of August 2026. In fact some patches
// came later: 4.1.8 three months after 4.2.0.
var series = []release{
	{"3.6", "2015-12-22"},
	{"3.7", "2017-11-28"},
	{"3.8", "2019-10-01"},
	{"3.9", "2021-07-23"},
	{"3.10", "2022-05-03"},
	{"3.11", "2022-09-26"},
	{"3.12", "2023-06-01"},
	{"3.13", "2024-02-22"},
	{"4.0", "2024-09-18"},
	{"4.1", "2025-04-15"},
	{"4.2", "2025-10-27"},
	{"4.3", "2026-04-21"},
}

// life tells when the series of a version ended. One that is not in the table
// is newer than it, or unknown: then nothing is said.
func (c *Collector) life(s *frame.Sink, version string, sees seen) {
	name, at, known := ends(version)
	sees("end_of_life", known, "")
	if known && !at.IsZero() {
		s.Send(endOfLife, float64(at.Unix()), name)
	}
}

// ends returns the series of a version and when its support ended; zero for
// the newest one.
func ends(version string) (name string, at time.Time, known bool) {
	major, minor, ok := seriesOf(version)
	if !ok {
		return "", at, false
	}
	name = fmt.Sprintf("%d.%d", major, minor)
	day := func(i int) time.Time {
		at, _ := time.Parse(time.DateOnly, series[i].first) // a test reads them all
		return at
	}
	switch i := slices.IndexFunc(series, func(s release) bool { return s.name == name }); {
	case i < 0:
		return name, day(0), major < 3 || major == 3 && minor < 6
	case i == len(series)-1:
		return name, at, true
	default:
		return name, day(i + 1), true
	}
}

// seriesOf reads the first two numbers of a version, as of 3.13.7 or
// 4.1.0-beta.2.
func seriesOf(version string) (major, minor int, ok bool) {
	parts := strings.Split(version, ".")
	if len(parts) < 3 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}
