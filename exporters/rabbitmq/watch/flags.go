package watch

import (
	"context"
	"slices"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// maxFlags bounds how many feature flags are believed; RabbitMQ 4.2 has 30.
const maxFlags = 200

var (
	flagEnabled = &frame.Family{
		Name: "tocsin_rabbitmq_feature_flag_enabled", Type: frame.Gauge, Labels: []string{"flag", "stability"},
		Help: "Whether a feature flag is on. What is stable becomes required: a later version refuses to start where it is off. Stability is required, stable, experimental or other. Told to users with the tag administrator.",
	}
	deprecatedUsed = &frame.Family{
		Name: "tocsin_rabbitmq_deprecated_feature_used", Type: frame.Gauge, Labels: []string{"feature", "phase"},
		Help: "1 for a deprecated feature that this cluster uses. Phase is permitted_by_default, denied_by_default, disconnected, removed or other. From RabbitMQ 3.13 on.",
	}
	deprecatedCount = &frame.Family{
		Name: "tocsin_rabbitmq_deprecated_features_used", Type: frame.Gauge,
		Help: "How many deprecated features this cluster uses.",
	}
)

func flagFamilies() []*frame.Family {
	return []*frame.Family{flagEnabled, deprecatedUsed, deprecatedCount}
}

// flags tells which feature flags are on.
func (c *Collector) flags(ctx context.Context, s *frame.Sink, sees seen) error {
	type flag struct{ Name, State, Stability api.Text }
	var all []flag
	err := api.Each(ctx, c.o.Client, "/api/feature-flags", []string{"name", "state", "stability"}, func(f *flag) error {
		if len(all) < maxFlags {
			all = append(all, *f)
		}
		return nil
	})
	if withheld(err) {
		sees("feature_flags", false, "")
		return nil
	}
	if err != nil {
		return err
	}
	sees("feature_flags", true, "")
	for _, f := range all {
		s.Send(flagEnabled, number(f.State == "enabled"), string(f.Name), oneOf(string(f.Stability), "required", "stable", "experimental"))
	}
	return nil
}

// deprecated tells which deprecated features are in use. Brokers before 3.13
// know of none.
func (c *Collector) deprecated(ctx context.Context, s *frame.Sink, version string, sees seen) error {
	if major, minor, ok := seriesOf(version); !ok || major < 3 || major == 3 && minor < 13 {
		sees("deprecated_features", false, "")
		return nil
	}
	type feature struct {
		Name  api.Text
		Phase api.Text `json:"deprecation_phase"`
	}
	var all []feature
	err := api.Each(ctx, c.o.Client, "/api/deprecated-features/used", []string{"name", "deprecation_phase"}, func(f *feature) error {
		if len(all) < maxFlags {
			all = append(all, *f)
		}
		return nil
	})
	if withheld(err) {
		sees("deprecated_features", false, "")
		return nil
	}
	if err != nil {
		return err
	}
	sees("deprecated_features", true, "")
	s.Send(deprecatedCount, float64(len(all)))
	for _, f := range all {
		s.Send(deprecatedUsed, 1, string(f.Name), oneOf(string(f.Phase), "permitted_by_default", "denied_by_default", "disconnected", "removed"))
	}
	return nil
}

// oneOf bounds a label's values.
func oneOf(value string, known ...string) string {
	if slices.Contains(known, value) {
		return value
	}
	return "other"
}
