package web

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the server's own.
type metrics struct {
	requests *prometheus.CounterVec
	refusals *prometheus.CounterVec
	problems *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_http_requests_total",
			Help: "Requests answered, by route and status code.",
		}, []string{"route", "code"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_http_refusals_total",
			Help: "Requests that were not answered, by reason: credentials, busy, not_a_writer, host, cross_origin, not_local, overload.",
		}, []string{"reason"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_http_page_problems_total",
			Help: "Parts that a page of metrics went without, by cause: clash (two sources of one series), gather (Tocsin's own metrics), encode.",
		}, []string{"cause"}),
	}
	for _, cause := range []string{causeClash, causeGather, causeEncode} {
		m.problems.WithLabelValues(cause)
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.requests), r.Register(m.refusals), r.Register(m.problems))
}

// The causes of a page's problems.
const (
	causeClash  = "clash"
	causeGather = "gather"
	causeEncode = "encode"
)
