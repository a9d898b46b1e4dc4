package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/expfmt"

	"tocsin/internal/config"
	"tocsin/internal/strict"
	"tocsin/internal/web"
	"tocsin/probes"
	"tocsin/probes/allow"
	"tocsin/probes/blackbox"
	"tocsin/probes/probe"
)

// prober answers GET /probe with the site's modules, for the targets that the
// site allows.
func (a *App) prober(site *config.Site, allowed *allow.List) func(context.Context, web.ProbeQuery) web.ProbeAnswer {
	p := &probing{modules: site.Modules(), allowed: allowed, unknown: a.metrics.noModule.Inc}
	return p.answer
}

// probing looks at what others ask for.
type probing struct {
	modules *blackbox.Modules
	allowed *allow.List
	unknown func()        // somebody named a module that there is not
	dial    blackbox.Dial // what tests put in place of the network
}

func (p *probing) answer(ctx context.Context, q web.ProbeQuery) web.ProbeAnswer {
	if q.Entry != "" {
		return p.asTold(ctx, q)
	}
	module, ok := p.modules.Find(q.Module)
	if !ok {
		p.unknown()
		return web.ProbeAnswer{Status: http.StatusBadRequest, Text: p.noModule(q.Module)}
	}
	host, port, err := module.Host(q.Target)
	if err != nil {
		return web.ProbeAnswer{Status: http.StatusBadRequest, Text: err.Error()}
	}
	if module.Prober == "unix" {
		err = p.allowed.Socket(strings.TrimPrefix(q.Target, "unix://"))
	} else {
		err = p.allowed.Host(host, port)
	}
	if err != nil {
		return web.ProbeAnswer{Status: http.StatusForbidden, Text: err.Error()}
	}
	dial := p.dial
	var refused func() *error
	dial.AllowHost, dial.AllowName, refused = p.judges()
	prober, err := module.New(q.Target, q.Hostname, dial)
	if err != nil {
		return web.ProbeAnswer{Status: http.StatusBadRequest, Text: err.Error()}
	}
	patience := q.Patience
	if module.Timeout > 0 {
		patience = min(patience, module.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := prober.Probe(ctx)
	if hurried(&r, q) {
		return noTime(q)
	}
	return p.tell(module, prober, &r, refused(), q.Debug)
}

// judges judge addresses as the dialer meets them, and names that a proxy is to
// look up; refused is what they refused first.
func (p *probing) judges() (address func(host string, port uint16, addr netip.Addr) error, name func(host string, port uint16) error, refused func() *error) {
	var first atomic.Pointer[error]
	keep := func(err error) error {
		if err != nil {
			first.CompareAndSwap(nil, &err)
		}
		return err
	}
	address = func(host string, port uint16, addr netip.Addr) error {
		return keep(p.allowed.Address(host, port, addr))
	}
	name = func(host string, port uint16) error { return keep(p.allowed.Name(host, port)) }
	return address, name, first.Load
}

// tell makes an answer of a result. What hindered us says nothing of the
// target, so it is no page: the scraper is told that nothing was measured.
func (p *probing) tell(module *blackbox.Module, prober probes.Prober, r *probes.Result, refused *error, debug bool) web.ProbeAnswer {
	switch {
	case r.Reason == probe.BlockedAddress && refused != nil:
		return web.ProbeAnswer{Status: http.StatusForbidden, Text: (*refused).Error()}
	case r.Unmeasured != nil && !debug:
		return web.ProbeAnswer{Status: http.StatusServiceUnavailable, Text: r.Unmeasured.Error()}
	}
	families, err := probes.Page(prober, r)
	if err != nil {
		return web.ProbeAnswer{Status: http.StatusInternalServerError, Text: "the page is not whole: " + err.Error()}
	}
	answer := web.ProbeAnswer{Status: http.StatusOK, Families: families}
	if !debug {
		return answer
	}
	// In the parts and under the headings of blackbox_exporter.
	var b bytes.Buffer
	fmt.Fprint(&b, "Logs for the probe:\n")
	if err := probes.WriteText(&b, r, false); err != nil {
		return web.ProbeAnswer{Status: http.StatusInternalServerError, Text: err.Error()}
	}
	fmt.Fprint(&b, "\n\n\nMetrics that would have been returned:\n")
	if r.Unmeasured == nil {
		for _, f := range families {
			if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
				return web.ProbeAnswer{Status: http.StatusInternalServerError, Text: err.Error()}
			}
		}
	}
	fmt.Fprintf(&b, "\n\n\nModule configuration:\n%s", module.Settings())
	answer.Text = b.String()
	return answer
}

// hurried tells whether a look failed for want of time after it had waited for
// its turn: that says nothing of the target.
func hurried(r *probes.Result, q web.ProbeQuery) bool {
	return q.Waited > 0 && r.Reason == probe.Timeout
}

func noTime(q web.ProbeQuery) web.ProbeAnswer {
	return web.ProbeAnswer{Status: http.StatusServiceUnavailable, Text: fmt.Sprintf(
		"too many probes at once: the look waited %s for its turn, and %s were not enough for it then", q.Waited.Round(time.Millisecond), q.Patience.Round(time.Millisecond),
	)}
}

// noModule says what may have been meant.
func (p *probing) noModule(name string) string {
	names := p.modules.Names()
	hint := "there are " + strings.Join(names, ", ")
	if near := strict.Nearest(name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return fmt.Sprintf("Unknown module %q; %s", shorten(name), hint)
}

// shorten keeps a text from a request fit to be repeated.
func shorten(text string) string {
	const most = 64
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
