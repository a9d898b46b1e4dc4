package rabbitmq

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// askManagement makes the plugin's page of the management API, and tells
// whether it answered.
func (b *broker) askManagement(ctx context.Context, s *frame.Sink) (answered bool, err error) {
	var overview api.Object
	err = b.management.Get(ctx, "/api/overview", []string{
		"node", "cluster_name", "rabbitmq_version", "erlang_version", "disable_stats", "object_totals", "queue_totals", "message_stats",
	}, &overview)
	if err != nil {
		return false, err
	}
	b.sendIdentity(ctx, s, &overview)
	nodes, err := b.sendNodes(ctx, s, &overview)
	b.sendTotals(s, &overview, b.cfg.Cluster || nodes == 1)
	return true, errors.Join(err, b.sendAuth(ctx, s, overview.Text("node")))
}

// node is an entry of /api/nodes.
type node struct {
	api.Object
	lists
}

// lists are what an Object leaves out.
type lists struct {
	Partitions   []string
	Applications []application
}

type application struct{ Name, Version string }

// UnmarshalJSON implements json.Unmarshaler. What is wrong with the lists is
// no error: they are missing while a node is down.
func (n *node) UnmarshalJSON(b []byte) error {
	_ = json.Unmarshal(b, &n.lists)
	return n.Object.UnmarshalJSON(b)
}

// version is that of one of the node's applications; nothing where it does not
// run.
func (n *node) version(name string) string {
	for _, a := range n.Applications {
		if a.Name == name {
			return a.Version
		}
	}
	return ""
}

// sendNodes sends what is known of the node that answers, and returns how many
// the cluster has.
func (b *broker) sendNodes(ctx context.Context, s *frame.Sink, overview *api.Object) (count int, err error) {
	columns := append(keys(nodeFacts, erlangFacts), "name", "running", "partitions", "mem_alarm", "disk_free_alarm",
		"applications.name", "applications.version")
	for _, f := range ioFacts {
		columns = append(columns, f.key+"count", f.key+"avg_time")
	}
	unreachable := 0
	err = api.Each(ctx, b.management, "/api/nodes", columns, func(n *node) error {
		count++
		if n.Text("name") == overview.Text("node") {
			sendNode(s, n, overview)
			unreachable += len(n.Partitions)
		} else if running, ok := n.Number("running"); ok && running == 0 {
			unreachable++
		}
		return nil
	})
	if err == nil {
		s.Send(unreachableFamily, float64(unreachable))
	}
	return count, err
}

func sendNode(s *frame.Sink, n *node, overview *api.Object) {
	sockets, counted := n.Number("sockets_total")
	counted = counted && sockets > 0 // RabbitMQ 4 counts none, and says 0 of 0
	for _, f := range slices.Concat(nodeFacts, erlangFacts) {
		if v, ok := n.Number(f.key); ok && (counted || !strings.HasPrefix(f.key, "sockets_")) {
			s.Send(f.sum, v/f.unit)
		}
	}
	for _, f := range ioFacts {
		operations, ok := n.Number(f.key + "count")
		average, timed := n.Number(f.key + "avg_time")
		if ok && timed {
			s.Send(f.sum, operations*average/f.unit)
		}
	}
	for key, f := range map[string]*frame.Family{"mem_alarm": memoryAlarm, "disk_free_alarm": diskAlarm} {
		if v, ok := n.Number(key); ok {
			s.Send(f, v)
		}
	}
	s.Send(buildFamily, 1, overview.Text("rabbitmq_version"), n.version("rabbitmq_prometheus"), n.version("prometheus"), overview.Text("erlang_version"))
}

// sendIdentity sends who answers. The cluster's own name for itself is shown
// to some users only; without it the label is empty, which is as good as none.
func (b *broker) sendIdentity(ctx context.Context, s *frame.Sink, overview *api.Object) {
	var id struct{ Value api.Text }
	_ = b.management.Get(ctx, "/api/global-parameters/internal_cluster_id", nil, &id)
	s.Send(identityFamily, 1, overview.Text("node"), overview.Text("cluster_name"), string(id.Value), "aggregated")
}

// sendTotals sends how much there is of everything. The overview counts the
// whole cluster; where that is not what is asked for, and for all that it does
// not have, the newest listing counts.
func (b *broker) sendTotals(s *frame.Sink, overview *api.Object, wholeCluster bool) {
	l := b.state.newest(b.now())
	sent := map[*frame.Family]bool{}
	if wholeCluster {
		for key, f := range map[string]*frame.Family{
			"object_totals.connections": connectionsFamily, "object_totals.channels": channelsFamily,
			"object_totals.consumers": consumersFamily, "object_totals.queues": queuesFamily,
		} {
			if v, ok := overview.Number(key); ok {
				s.Send(f, v)
				sent[f] = true
			}
		}
		for _, f := range coarseFacts {
			if v, ok := overview.Number("queue_totals." + f.key); ok {
				s.Send(f.sum, v)
				sent[f.sum] = true
			}
		}
		for _, f := range diskFacts {
			if v, ok := overview.Number(f.key); ok {
				s.Send(f.sum, v)
			}
		}
	}
	if l == nil {
		return
	}
	for f, v := range l.sums {
		if !sent[f] {
			s.Send(f, v)
		}
	}
}

// sendAuth sends the attempts to log in, by protocol.
func (b *broker) sendAuth(ctx context.Context, s *frame.Sink, node string) error {
	keys := []string{"auth_attempts", "auth_attempts_succeeded", "auth_attempts_failed"}
	var seen []string
	return api.Each(ctx, b.management, "/api/auth/attempts/"+url.PathEscape(node), nil, func(o *api.Object) error {
		protocol := o.Text("protocol")
		if slices.Contains(seen, protocol) || len(seen) > 32 {
			return nil
		}
		seen = append(seen, protocol)
		for i, f := range authFamilies {
			if v, ok := o.Number(keys[i]); ok {
				s.Send(f, v, protocol)
			}
		}
		return nil
	})
}
