package watch

import (
	"context"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

var (
	unroutable = &frame.Family{
		Name: "tocsin_rabbitmq_unroutable_messages_total", Type: frame.Counter, Labels: []string{"fate"},
		Help: "Messages of the whole cluster that no queue wanted: dropped silently, or returned to their publisher.",
	}
	churn = &frame.Family{
		Name: "tocsin_rabbitmq_churn_total", Type: frame.Counter, Labels: []string{"what", "change"},
		Help: "What came and went in the whole cluster: connection or channel, created or closed; queue, created or deleted.",
	}
)

func overviewFamilies() []*frame.Family { return []*frame.Family{unroutable, churn} }

// overview is what /api/overview says.
type overview struct {
	Node     api.Text `json:"node"`
	Version  api.Text `json:"rabbitmq_version"`
	Disabled bool     `json:"disable_stats"`
	Rates    api.Text `json:"rates_mode"`
	Objects  loose[struct {
		Queues api.Number `json:"queues"`
	}] `json:"object_totals"`
	Messages loose[struct {
		Dropped  api.Number `json:"drop_unroutable"`
		Returned api.Number `json:"return_unroutable"`
	}] `json:"message_stats"`
	Churn loose[map[string]api.Number] `json:"churn_rates"`
}

// overview asks for what concerns all of the broker, and tells it.
func (c *Collector) overview(ctx context.Context, s *frame.Sink, sees seen) (*overview, error) {
	o := &overview{}
	columns := []string{"node", "rabbitmq_version", "disable_stats", "rates_mode", "object_totals", "message_stats", "churn_rates"}
	if err := c.o.Client.Get(ctx, "/api/overview", columns, o); err != nil {
		return nil, err
	}
	why := ""
	if o.Disabled {
		why = "the broker keeps no statistics (management_agent.disable_metrics_collector), so its queues tell nothing"
	}
	sees("statistics", !o.Disabled, why)
	c.life(s, string(o.Version), sees)
	// A broker leaves out what has not happened yet.
	if !o.Disabled {
		s.Send(unroutable, o.Messages.Value.Dropped.Value, "dropped")
		s.Send(unroutable, o.Messages.Value.Returned.Value, "returned")
	}
	for what, gone := range map[string]string{"connection": "closed", "channel": "closed", "queue": "deleted"} {
		for _, change := range []string{"created", gone} {
			if n := o.Churn.Value[what+"_"+change]; n.OK {
				s.Send(churn, n.Value, what, change)
			}
		}
	}
	return o, nil
}
