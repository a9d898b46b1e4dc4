package config

import (
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"tocsin/alerts/fallback"
	"tocsin/alerts/heartbeat"
	"tocsin/alerts/mattermost"
)

// Show writes the configuration as it is in effect: what was written, and the
// defaults of what was not. Secrets are [redacted]; all else could be loaded
// again. Keys without a value are left out.
func Show(w io.Writer, s *Site) error {
	shown := *s
	// The defaults of what is not there would look as if it were.
	if shown.Alerts.Mattermost.IsZero() {
		shown.Alerts.Mattermost = mattermost.Config{}
	}
	if shown.Alerts.Fallback.IsZero() {
		shown.Alerts.Fallback = fallback.Config{}
	}
	if shown.Alerts.Heartbeat.IsZero() {
		shown.Alerts.Heartbeat = heartbeat.Config{}
	}
	var n yaml.Node
	if err := n.Encode(&shown); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	prune(&n)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&n); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	return enc.Close()
}

// prune takes away what has no value, and tells whether the node is such.
func prune(n *yaml.Node) (empty bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value == "" || n.Tag == "!!null"
	case yaml.SequenceNode:
		for _, c := range n.Content {
			prune(c)
		}
		return len(n.Content) == 0
	case yaml.MappingNode:
		kept := n.Content[:0]
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !prune(n.Content[i+1]) {
				kept = append(kept, n.Content[i], n.Content[i+1])
			}
		}
		n.Content = kept
		return len(kept) == 0
	}
	return false
}
