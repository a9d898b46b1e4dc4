// Package sd is the list of targets as it travels: Prometheus' HTTP service
// discovery format. GET /sd writes it, the engine reads it, from this
// instance and from others.
package sd

// The labels of a group that steer its scraping, as Prometheus knows them.
const (
	LabelPath     = "__metrics_path__"
	LabelInterval = "__scrape_interval__"
	LabelTimeout  = "__scrape_timeout__"
	LabelScheme   = "__scheme__"
	LabelJob      = "job"
	LabelInstance = "instance"
)

// A Group is one entry of the list. Tocsin writes one group for each target,
// with exactly one address.
//
// Source: Prometheus, "Writing HTTP service discovery".
type Group struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}
