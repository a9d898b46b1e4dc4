package elsewhere

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tocsin/internal/frame"
	"tocsin/probes"
)

const (
	// maxAnswer bounds what an instance may answer, in bytes.
	maxAnswer = 1 << 20
	// maxRefusal bounds what of a refusal is repeated.
	maxRefusal = 600
	// Spare is what the asking may take beside the look: the other instance
	// keeps half a second of what it is given.
	Spare = time.Second
)

// A Place is another instance of the site.
type Place struct {
	Name    string       // as the site calls it
	Address string       // http://host:port or https://host:port
	Client  *http.Client // with its TLS and who asks; follows no redirects
}

// A Collector has a look made at a place each time that it is asked. It is a
// frame.Collector and a frame.Explainer.
type Collector struct {
	place    Place
	url      string
	timeout  time.Duration
	families []*frame.Family
	passed   map[string]bool

	mu   sync.Mutex // guards what follows
	past probes.History
}

// New makes the collector of an entry of the site file. It fails when the entry
// is wrong, or cannot be told to another instance.
func New(cfg probes.Config, place Place, opts probes.Options) (*Collector, error) {
	prober, err := probes.NewProber(cfg, opts)
	if err != nil {
		return nil, err
	}
	cfg.SetDefaults()
	entry, err := cfg.Travelling()
	if err != nil {
		return nil, fmt.Errorf("cannot be asked of %s: %w", place.Name, err)
	}
	query := url.Values{"target": {cfg.Target}, "entry": {entry}, "format": {"json"}}
	c := &Collector{
		place: place, url: place.Address + "/probe?" + query.Encode(), timeout: time.Duration(cfg.Timeout),
		families: probes.FamiliesOf(prober), passed: map[string]bool{}, past: probes.NewHistory(opts.Depth),
	}
	for _, f := range c.families {
		c.passed[f.Name] = true
	}
	return c, nil
}

// Name implements frame.Collector.
func (c *Collector) Name() string { return "elsewhere" }

// Families implements frame.Collector.
func (c *Collector) Families() []*frame.Family { return c.families }

// Collect implements frame.Collector. It fails when the place did not look;
// nothing is then said of the service.
func (c *Collector) Collect(ctx context.Context, s *frame.Sink) error {
	r, page, err := c.ask(ctx)
	if err != nil {
		err = fmt.Errorf("not measured from %s: %w", c.place.Name, err)
		r = &probes.Result{Start: time.Now(), Unmeasured: err}
	}
	c.mu.Lock()
	c.past.Add(r)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.pass(page, s)
}

// pass hands on the families that such a probe has.
func (c *Collector) pass(page string, s *frame.Sink) error {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		return frame.Fail(frame.ReasonInvalid, fmt.Errorf("the page of %s cannot be read: %w", c.place.Name, err))
	}
	for name, family := range families {
		if c.passed[name] {
			s.Pass(family)
		}
	}
	return nil
}

// ask has the look made.
func (c *Collector) ask(ctx context.Context) (*probes.Result, string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout+Spare)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.FormatFloat((c.timeout+Spare/2).Seconds(), 'f', 3, 64))
	resp, err := c.place.Client.Do(req)
	if err != nil {
		return nil, "", unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, "", unreachable(err)
	case len(body) > maxAnswer:
		return nil, "", frame.Fail(frame.ReasonInvalid, fmt.Errorf("its answer is larger than %d bytes", maxAnswer))
	case resp.StatusCode != http.StatusOK:
		return nil, "", refused(resp.StatusCode, body)
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, "", frame.Fail(frame.ReasonInvalid, errors.New("its answer cannot be read: is this port Tocsin's, and of this version?"))
	}
	r := a.Look.result()
	return &r, a.Page, nil
}

// unreachable says why no answer came, without the URL, which is long.
func unreachable(err error) error {
	if asked, ok := errors.AsType[*url.Error](err); ok {
		err = asked.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return frame.Fail(frame.ReasonTimeout, errors.New("it did not answer in time"))
	}
	return frame.Fail(frame.ReasonUnreachable, fmt.Errorf("it does not answer: %w", err))
}

// refused says that a place would not look, in its own words: they have the
// line to add there.
func refused(status int, body []byte) error {
	text := strings.TrimSpace(strings.ToValidUTF8(string(body), "�"))
	if len(text) > maxRefusal {
		text = strings.ToValidUTF8(text[:maxRefusal], "") + " …"
	}
	reason := frame.ReasonRefused
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		reason = frame.ReasonPermission
	case http.StatusServiceUnavailable, http.StatusInternalServerError:
		reason = frame.ReasonError
	}
	return frame.Fail(reason, fmt.Errorf("it answers %d: %s", status, text))
}

// Explain implements frame.Explainer: why the newest look failed, or nothing.
func (c *Collector) Explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.past.Measured()
	if r == nil || r.Reason == "" {
		return ""
	}
	return "from " + c.place.Name + ": " + r.Explain()
}

// Last returns the newest look that told something, as probes.Collector does.
func (c *Collector) Last() (probes.Result, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.past.Measured(); r != nil {
		return *r, true
	}
	return probes.Result{}, false
}

// Looks returns the newest looks, as probes.Collector has them.
func (c *Collector) Looks() (newest []*probes.Result, failure *probes.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.past.Looks()
}
