package watch

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// maxNodes bounds what is believed of a cluster.
const maxNodes = 64

var (
	nodesRunning = &frame.Family{
		Name: "tocsin_rabbitmq_nodes_running", Type: frame.Gauge,
		Help: "Nodes of the cluster that run, as the node that was asked sees it.",
	}
	nodesKnown = &frame.Family{
		Name: "tocsin_rabbitmq_nodes_known", Type: frame.Gauge,
		Help: "Nodes that the cluster knows, whether they run or not.",
	}
	nodesExpected = &frame.Family{
		Name: "tocsin_rabbitmq_nodes_expected", Type: frame.Gauge,
		Help: "Nodes that the cluster must have, by the site file.",
	}
	nodeUp = &frame.Family{
		Name: "tocsin_rabbitmq_node_up", Type: frame.Gauge, Labels: []string{"node"},
		Help: "Whether a node of the cluster runs (1) or not (0).",
	}
	nodeAlarm = &frame.Family{
		Name: "tocsin_rabbitmq_node_alarm", Type: frame.Gauge, Labels: []string{"node", "alarm"},
		Help: "Whether an alarm is on, so that the whole cluster takes no messages: memory or disk.",
	}
	nodePartitions = &frame.Family{
		Name: "tocsin_rabbitmq_node_partitions", Type: frame.Gauge, Labels: []string{"node"},
		Help: "Nodes that this one has parted from, and that have not been mended since.",
	}
	nodeDraining = &frame.Family{
		Name: "tocsin_rabbitmq_node_draining", Type: frame.Gauge, Labels: []string{"node"},
		Help: "Whether a node is in maintenance and takes no clients.",
	}
	nodeStart = &frame.Family{
		Name: "tocsin_rabbitmq_node_start_timestamp_seconds", Type: frame.Gauge, Labels: []string{"node"},
		Help: "When a node started.",
	}
	nodeUse = &frame.Family{
		Name: "tocsin_rabbitmq_node_resource_used", Type: frame.Gauge, Labels: []string{"node", "resource"},
		Help: "How much a node uses of what has a limit: memory (bytes), file_descriptors, sockets, processes (of Erlang).",
	}
	nodeLimit = &frame.Family{
		Name: "tocsin_rabbitmq_node_resource_limit", Type: frame.Gauge, Labels: []string{"node", "resource"},
		Help: "The limit of it. At memory's the alarm goes on.",
	}
	nodeDisk = &frame.Family{
		Name: "tocsin_rabbitmq_node_disk_free_bytes", Type: frame.Gauge, Labels: []string{"node"},
		Help: "What is free of the disk that the node's data lie on.",
	}
	nodeDiskLimit = &frame.Family{
		Name: "tocsin_rabbitmq_node_disk_free_limit_bytes", Type: frame.Gauge, Labels: []string{"node"},
		Help: "Below this the disk alarm goes on.",
	}
)

func nodeFamilies() []*frame.Family {
	return []*frame.Family{
		nodesRunning, nodesKnown, nodesExpected, nodeUp, nodeAlarm, nodePartitions, nodeDraining, nodeStart,
		nodeUse, nodeLimit, nodeDisk, nodeDiskLimit,
	}
}

// node is what /api/nodes says of one. A node that does not run has a name and
// no more; a version may lack what another has.
type node struct {
	Name       api.Text `json:"name"`
	Running    bool     `json:"running"`
	Partitions *[]any   `json:"partitions"`
	Draining   *bool    `json:"being_drained"`
	Uptime     api.Number
	MemAlarm   *bool      `json:"mem_alarm"`
	DiskAlarm  *bool      `json:"disk_free_alarm"`
	MemUsed    api.Number `json:"mem_used"`
	MemLimit   api.Number `json:"mem_limit"`
	FilesUsed  api.Number `json:"fd_used"`
	FilesLimit api.Number `json:"fd_total"`
	SocksUsed  api.Number `json:"sockets_used"`
	SocksLimit api.Number `json:"sockets_total"`
	ProcsUsed  api.Number `json:"proc_used"`
	ProcsLimit api.Number `json:"proc_total"`
	DiskFree   api.Number `json:"disk_free"`
	DiskLimit  api.Number `json:"disk_free_limit"`
}

var nodeColumns = strings.Fields(`name running partitions being_drained uptime mem_alarm disk_free_alarm mem_used mem_limit
	fd_used fd_total sockets_used sockets_total proc_used proc_total disk_free disk_free_limit`)

// nodes tells how the cluster stands.
func (c *Collector) nodes(ctx context.Context, s *frame.Sink) error {
	now := float64(c.o.Now().UnixMilli()) / 1000
	known, running := 0, 0
	err := api.Each(ctx, c.o.Client, "/api/nodes", nodeColumns, func(n *node) error {
		if known++; known > maxNodes {
			return errors.New("it tells of more nodes than a cluster can have")
		}
		name := string(n.Name)
		s.Send(nodeUp, number(n.Running), name)
		if !n.Running {
			return nil
		}
		running++
		optional(s, nodeAlarm, n.MemAlarm, name, "memory")
		optional(s, nodeAlarm, n.DiskAlarm, name, "disk")
		optional(s, nodeDraining, n.Draining, name)
		if n.Partitions != nil {
			s.Send(nodePartitions, float64(len(*n.Partitions)), name)
		}
		if n.Uptime.OK {
			s.Send(nodeStart, now-n.Uptime.Value/1000, name)
		}
		for resource, of := range map[string][2]api.Number{
			"memory":           {n.MemUsed, n.MemLimit},
			"file_descriptors": {n.FilesUsed, n.FilesLimit},
			"sockets":          {n.SocksUsed, n.SocksLimit},
			"processes":        {n.ProcsUsed, n.ProcsLimit},
		} {
			// RabbitMQ 4 no longer counts some of them, and says 0 of 0.
			if of[0].OK && of[1].OK && of[1].Value > 0 {
				s.Send(nodeUse, of[0].Value, name, resource)
				s.Send(nodeLimit, of[1].Value, name, resource)
			}
		}
		if n.DiskFree.OK && n.DiskLimit.OK {
			s.Send(nodeDisk, n.DiskFree.Value, name)
			s.Send(nodeDiskLimit, n.DiskLimit.Value, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.Send(nodesKnown, float64(known))
	s.Send(nodesRunning, float64(running))
	if c.config.Nodes > 0 {
		s.Send(nodesExpected, float64(c.config.Nodes))
	}
	return nil
}

func optional(s *frame.Sink, f *frame.Family, value *bool, labels ...string) {
	if value != nil {
		s.Send(f, number(*value), labels...)
	}
}

// loose is an object that the API writes as [] when it is empty: its encoder
// cannot tell an empty list from an empty object.
type loose[T any] struct{ Value T }

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose[T]) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, &l.Value)
}
