package app

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"

	"tocsin/internal/web"
	"tocsin/probes"
	"tocsin/probes/elsewhere"
	"tocsin/probes/probe"
)

// asTold looks as another instance of the site has written. What may be looked
// at is decided here, by the site's own probes and probe_allow; and how, by
// what may travel at all.
func (p *probing) asTold(ctx context.Context, q web.ProbeQuery) web.ProbeAnswer {
	cfg, err := probes.Travelled(q.Target, q.Entry)
	if err != nil {
		return web.ProbeAnswer{Status: http.StatusBadRequest, Text: "the entry cannot be taken: " + err.Error()}
	}
	target, err := url.Parse(cfg.Target)
	if err != nil {
		return web.ProbeAnswer{Status: http.StatusBadRequest, Text: "the target is no URL"}
	}
	if err := p.allowed.Host(target.Hostname()); err != nil {
		return web.ProbeAnswer{Status: http.StatusForbidden, Text: err.Error()}
	}
	allow, refused := p.allowHost()
	prober, err := probes.NewProber(cfg, probes.Options{AllowHost: allow, Lookup: p.dial.Lookup, Dial: p.dial.Dial})
	if err != nil {
		return web.ProbeAnswer{Status: http.StatusBadRequest, Text: "the entry cannot be taken: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, min(q.Patience, time.Duration(cfg.Timeout)))
	defer cancel()
	r := prober.Probe(ctx)
	switch why := refused(); {
	case why != nil && (r.Reason == probe.BlockedAddress || r.Unmeasured != nil):
		return web.ProbeAnswer{Status: http.StatusForbidden, Text: (*why).Error()}
	case r.Unmeasured != nil:
		return web.ProbeAnswer{Status: http.StatusServiceUnavailable, Text: r.Unmeasured.Error()}
	}
	return tellOther(prober, &r, q)
}

// tellOther answers with the page, or the account, or both.
func tellOther(prober probes.Prober, r *probes.Result, q web.ProbeQuery) web.ProbeAnswer {
	failed := func(err error) web.ProbeAnswer {
		return web.ProbeAnswer{Status: http.StatusInternalServerError, Text: "the page is not whole: " + err.Error()}
	}
	families, err := probes.Page(prober, r)
	if err != nil {
		return failed(err)
	}
	answer := web.ProbeAnswer{Status: http.StatusOK, Families: families}
	switch {
	case q.Debug:
		var b strings.Builder
		if err := probes.WriteText(&b, r, false); err != nil {
			return failed(err)
		}
		answer.Text = b.String()
	case q.JSON:
		var page bytes.Buffer
		for _, f := range families {
			if _, err := expfmt.MetricFamilyToText(&page, f); err != nil {
				return failed(err)
			}
		}
		if answer.JSON, err = elsewhere.Answer(r, page.String()); err != nil {
			return failed(err)
		}
	}
	return answer
}
