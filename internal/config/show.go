package config

import (
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Show writes the configuration as it is in effect: what was written, and the
// defaults of what was not. Secrets are [redacted]; all else could be loaded
// again. Keys without a value are left out.
func Show(w io.Writer, s *Site) error {
	var n yaml.Node
	if err := n.Encode(s); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	// The defaults of a voice that is not there would look as if it were.
	alerts := child(&n, "alerts")
	for key, absent := range map[string]bool{
		"mattermost": s.Alerts.Mattermost.IsZero(),
		"fallback":   s.Alerts.Fallback.IsZero(),
		"heartbeat":  s.Alerts.Heartbeat.IsZero(),
	} {
		if absent {
			*child(alerts, key) = yaml.Node{Kind: yaml.MappingNode}
		}
	}
	prune(&n)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&n); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	return enc.Close()
}

// child is the value of a mapping's key; a value of its own where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return &yaml.Node{}
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
