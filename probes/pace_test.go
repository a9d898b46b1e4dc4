package probes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/probes/httpprobe"
	"tocsin/probes/protocol"
)

func TestConfig_aDearLookHasItsOwnPace(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name string
		dear time.Duration
		cfg  Config
		want string // interval, retry, timeout, how often the page is scraped
	}{
		{"a cheap one has the site's", 0, Config{}, "2m 10s 10s 10s"},
		{"a registry", day, Config{}, "1d 1h 30s 1m0s"},
		{"a mail there and back", 10 * time.Minute, Config{}, "10m 1m 30s 1m0s"},
		{"what the entry says wins", day, Config{Interval: model.Duration(20 * time.Second)}, "20s 20s 20s 20s"},
		{"a cheap one whose page is needed more often", 0, Config{Interval: model.Duration(time.Hour), RetryInterval: model.Duration(10 * time.Minute)}, "1h 10m 10s 1m0s"},
	} {
		c.cfg.setTimes(model.Duration(2*time.Minute), model.Duration(10*time.Second), c.dear)
		if got := fmt.Sprintf("%s %s %s %s", c.cfg.Interval, c.cfg.RetryInterval, c.cfg.Timeout, c.cfg.PageInterval()); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		found := problem.New()
		c.cfg.checkTimes(found, c.dear)
		if all := found.All(); len(all) > 0 {
			t.Errorf("%s is refused: %v", c.name, all)
		}
	}
}

func TestConfig_aDearLookMayBeSeldom(t *testing.T) {
	seldom := Config{Interval: model.Duration(8 * 24 * time.Hour), RetryInterval: model.Duration(time.Hour), Timeout: model.Duration(time.Second)}
	for dear, want := range map[time.Duration]string{
		0:              "interval: 8d is not between 1s and 1h; usual is 30s",
		24 * time.Hour: "interval: 8d is not between 1s and 1w; usual is 1d",
	} {
		found := problem.New()
		seldom.checkTimes(found, dear)
		var got []string
		for _, p := range found.All() {
			got = append(got, p.Path+": "+p.Text)
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// journey is a section that says for itself what it costs.
type journey struct {
	httpprobe.Config
	every time.Duration
}

func (j *journey) Every() time.Duration { return j.every }

func TestDear_theSectionWinsOverTheScheme(t *testing.T) {
	for _, c := range []struct {
		scheme  time.Duration
		section protocol.Section
		want    time.Duration
	}{
		{0, &httpprobe.Config{}, 0},
		{time.Hour, &httpprobe.Config{}, time.Hour},
		{0, &journey{every: time.Minute}, time.Minute},
		{time.Hour, &journey{every: time.Minute}, time.Minute},
		{time.Hour, &journey{}, time.Hour},
	} {
		if got := dear(&protocol.Scheme{Every: c.scheme}, c.section); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}
