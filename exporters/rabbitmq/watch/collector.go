package watch

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

var detected = &frame.Family{
	Name: "tocsin_rabbitmq_detected", Type: frame.Gauge, Labels: []string{"part"},
	Help: "Whether the broker tells of a part (1), or does not, or not to this user (0): statistics, queues, feature_flags, deprecated_features, users, end_of_life, provisioning. What is not detected is not on the page.",
}

// Families lists what the collector may send.
func Families() []*frame.Family {
	return slices.Concat([]*frame.Family{detected}, nodeFamilies(), overviewFamilies(), queueFamilies(), provisioningFamilies(), flagFamilies(), userFamilies(), lifeFamilies())
}

// Options are what the collector needs beside its configuration.
type Options struct {
	// Client asks the management API as the site's user.
	Client *api.Client
	// Guest asks it as guest, with the password that each broker is delivered
	// with. nil does not try.
	Guest *api.Client
	// Username is the site's user, for messages.
	Username string
	// Local tells that the broker is asked over this machine's loopback.
	Local bool
	// Now is the time; nil is time.Now.
	Now func() time.Time
}

// Collector looks at one broker.
type Collector struct {
	config       Config
	provisioning Provisioning
	expected     bool // the site file has a section provisioning
	o            Options
	names        patterns

	// Of a run alone: the frame never runs a collector twice at a time.
	stalls stalls
	guest  attempt
	short  bool // the list of queues lacked some

	mu    sync.Mutex // guards words
	words string     // what the newest run found that the page cannot show
}

// patterns are those of the configuration, compiled.
type patterns struct{ deadLetters, ignore, broadcast, events, workers *regexp.Regexp }

// New makes a collector of valid configurations with their defaults. A nil
// provisioning lets Publik's agents be found where they are.
func New(c Config, p *Provisioning, o Options) *Collector {
	made := &Collector{config: c, expected: p != nil, o: o}
	if p != nil {
		made.provisioning = *p
	}
	made.provisioning.SetDefaults()
	if made.o.Now == nil {
		made.o.Now = time.Now
	}
	made.names = patterns{
		deadLetters: regexp.MustCompile(c.DeadLetters),
		broadcast:   regexp.MustCompile(made.provisioning.Queues),
		events:      regexp.MustCompile(made.provisioning.Events),
		workers:     regexp.MustCompile(made.provisioning.Workers),
	}
	if c.Ignore != "" {
		made.names.ignore = regexp.MustCompile(c.Ignore)
	}
	return made
}

// Entry is the collector with its clock.
func (c *Collector) Entry() frame.Entry {
	return frame.Entry{Collector: c, Every: time.Duration(c.config.Interval)}
}

// Name implements frame.Collector.
func (c *Collector) Name() string { return "watch" }

// Families implements frame.Collector.
func (c *Collector) Families() []*frame.Family { return Families() }

// Explain implements frame.Explainer.
func (c *Collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.words
}

// Collect implements frame.Collector. A part that cannot be had costs the
// others nothing; a broker that does not answer at all is asked once.
func (c *Collector) Collect(ctx context.Context, s *frame.Sink) error {
	var said []string
	sees := func(part string, ok bool, why string) {
		s.Send(detected, number(ok), part)
		if why != "" {
			said = append(said, why)
		}
	}
	o, err := c.overview(ctx, s, sees)
	if err != nil {
		return err
	}
	errs := []error{c.nodes(ctx, s)}
	errs = append(errs, c.queues(ctx, s, o, sees), c.flags(ctx, s, sees), c.deprecated(ctx, s, string(o.Version), sees), c.users(ctx, s, sees))
	c.mu.Lock()
	c.words = strings.Join(said, "; ")
	c.mu.Unlock()
	return errors.Join(errs...)
}

// seen is told whether a part could be had, and what to do if it should.
type seen func(part string, ok bool, why string)

// withheld tells that the broker refuses a path to this user, or does not have
// it in this version: that is a finding, not a failure.
func withheld(err error) bool {
	return err != nil && frame.ReasonOf(err) == frame.ReasonRefused
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// grant is the command that shows a virtual host to a user, and lets it do
// nothing there.
func (c *Collector) grant(vhost string) string {
	return fmt.Sprintf("rabbitmqctl set_permissions -p '%s' %s '^$' '^$' '^$'", vhost, c.o.Username)
}
