package httpprobe

import (
	"strings"
	"time"

	"tocsin/probes/gradecheck"
	"tocsin/probes/protocol"
)

// Beside implements protocol.Beside: headers are graded on their own clock.
func (c *Config) Beside(e *protocol.Entry) (*protocol.Second, error) {
	if c.HeaderGrade == nil {
		return nil, nil //nolint:nilnil // nothing is looked at beside, and nothing wrong
	}
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	// As the Observatory: the headers behind a bad certificate have a grade,
	// too. Nothing secret is sent.
	secure.SkipVerify = true
	check := gradecheck.New(c.HeaderGrade, e.URL)
	options := Options{
		URL: e.URL, FollowRedirects: true, DisableHTTP2: c.HTTP2 != nil && !*c.HTTP2,
		Dial: e.Dial, TLS: secure, Now: e.Now, Instead: check,
	}
	for name := range mergedKeys(c.Headers, c.HeadersFile) {
		if strings.EqualFold(name, "Host") {
			options.Headers = append(options.Headers, c.header(name))
		}
	}
	if options.Proxy, err = c.proxy(); err != nil {
		return nil, err
	}
	prober, err := New(options)
	if err != nil {
		return nil, err
	}
	return &protocol.Second{
		Name: "probe_header_grade", Said: "graded beside it", Prober: prober, Families: check.Families(), Every: time.Duration(c.HeaderGrade.Every),
	}, nil
}
