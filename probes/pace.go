package probes

import (
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/problem"
	"tocsin/probes/protocol"
)

const (
	dearTimeout     = 30 * time.Second
	maxInterval     = time.Hour
	maxDearInterval = 7 * 24 * time.Hour
	// dearRetry is how soon a dear look that failed is made again at most:
	// who is asked may count the questions.
	dearRetry      = time.Minute
	dearRetryShare = 24 // of its interval, where that is longer
	// pageInterval is how seldom a page may be scraped: Prometheus forgets what
	// it has not seen for five minutes.
	pageInterval = time.Minute
)

// Dear returns how often the look that the entry describes is made if it does
// not say, where it is dear: the protocol says which are. It is 0 for all
// others, which the site's own interval is for.
func (c *Config) Dear() time.Duration {
	known, scheme := schemeOf(c.Target)
	if known == nil {
		return 0
	}
	if scheme.LoginEvery > 0 && !c.Login.IsZero() {
		return scheme.LoginEvery
	}
	return dear(scheme, known.section(c))
}

// dear is what a section says itself, or else its scheme.
func dear(scheme *protocol.Scheme, section protocol.Section) time.Duration {
	if s, ok := section.(protocol.Dear); ok {
		if every := s.Every(); every > 0 {
			return every
		}
	}
	return scheme.Every
}

// SetTimes fills in how often the probe is made, where the entry does not say:
// as the site says, for a dear look as its protocol does.
func (c *Config) SetTimes(interval, retry model.Duration) {
	if _, scheme := schemeOf(c.Target); scheme != nil && scheme.Timeout > 0 {
		fill(&c.Interval, model.Duration(c.Dear()))
		fill(&c.Timeout, min(c.Interval, model.Duration(scheme.Timeout)))
	}
	c.setTimes(interval, retry, c.Dear())
}

func (c *Config) setTimes(interval, retry model.Duration, dear time.Duration) {
	timeout := DefaultTimeout
	if dear > 0 {
		interval, retry, timeout = model.Duration(dear), model.Duration(retryOf(dear)), dearTimeout
	}
	fill(&c.Interval, interval)
	fill(&c.RetryInterval, min(c.Interval, retry))
	fill(&c.Timeout, min(c.Interval, model.Duration(timeout)))
}

func retryOf(dear time.Duration) time.Duration { return max(dearRetry, dear/dearRetryShare) }

// PageInterval is how often the probe's page should be scraped: often enough
// that a failure is seen at once, however seldom the look is made.
func (c *Config) PageInterval() time.Duration {
	return min(time.Duration(c.RetryInterval), time.Duration(c.Interval), pageInterval)
}

func (c *Config) validateTimes(p problem.List) { c.checkTimes(p, c.Dear()) }

func (c *Config) checkTimes(p problem.List, dear time.Duration) {
	usual, usualRetry, usualTimeout := DefaultInterval, DefaultRetryInterval, DefaultTimeout
	longest := maxInterval
	if dear > 0 {
		usual, usualRetry, usualTimeout, longest = dear, retryOf(dear), dearTimeout, maxDearInterval
	}
	for _, d := range []struct {
		key   string
		value model.Duration
		usual time.Duration
	}{
		{"interval", c.Interval, usual},
		{"retry_interval", c.RetryInterval, usualRetry},
	} {
		if t := time.Duration(d.value); t < time.Second || t > longest {
			p.At(d.key).Addf("%s is not between 1s and %s; usual is %s", d.value, model.Duration(longest), model.Duration(d.usual))
		}
	}
	if c.RetryInterval > c.Interval {
		p.At("retry_interval").Addf("%s is longer than interval, %s; after a failure a probe comes sooner, not later", c.RetryInterval, c.Interval)
	}
	switch t := time.Duration(c.Timeout); {
	case t < 100*time.Millisecond:
		p.At("timeout").Addf("%s is too short to look at anything; usual is %s", c.Timeout, usualTimeout)
	case c.Timeout > c.Interval:
		p.At("timeout").Addf("%s is longer than interval, %s; write a shorter timeout or a longer interval", c.Timeout, c.Interval)
	}
}
