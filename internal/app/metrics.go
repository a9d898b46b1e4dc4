package app

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are Tocsin's numbers about itself, beside those of its rooms.
type metrics struct {
	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	unwatched  prometheus.Gauge
	noModule   prometheus.Counter
}

func newMetrics(version string) (*prometheus.Registry, metrics) {
	m := metrics{
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_config_last_reload_successful",
			Help: "Whether the newest configuration was taken.",
		}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_config_last_reload_success_timestamp_seconds",
			Help: "When a configuration was last taken.",
		}),
		unwatched: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_unwatched",
			Help: "Sections of the site file that this version does not measure; the status page names them.",
		}),
	}
	m.noModule = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "blackbox_module_unknown_total",
		Help: "Requests for GET /probe that named a module which there is not.",
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "tocsin_build_info",
		Help:        "Which Tocsin this is.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	reg := prometheus.NewRegistry()
	reg.MustRegister(build, m.reloadOK, m.reloadTime, m.unwatched, m.noModule,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg, m
}

func (m metrics) reloaded(ok bool) {
	if !ok {
		m.reloadOK.Set(0)
		return
	}
	m.reloadOK.Set(1)
	m.reloadTime.Set(float64(time.Now().UnixMilli()) / 1000)
}
