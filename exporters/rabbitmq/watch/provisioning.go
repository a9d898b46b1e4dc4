package watch

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

var (
	agentLabels = []string{"vhost", "exchange"}

	agentConsumers = &frame.Family{
		Name: "tocsin_rabbitmq_provisioning_consumers", Type: frame.Gauge, Labels: agentLabels,
		Help: "Agents that hear the broadcast by which Publik deploys: consumers of the queues behind its exchange.",
	}
	agentsExpected = &frame.Family{
		Name: "tocsin_rabbitmq_provisioning_expected_consumers", Type: frame.Gauge, Labels: agentLabels,
		Help: "Agents that must hear it, by the site file.",
	}
	agentQueues = &frame.Family{
		Name: "tocsin_rabbitmq_provisioning_queues", Type: frame.Gauge, Labels: agentLabels,
		Help: "Queues of the broadcast, one an agent.",
	}
	agentMessages = &frame.Family{
		Name: "tocsin_rabbitmq_provisioning_messages", Type: frame.Gauge, Labels: []string{"vhost", "exchange", "state"},
		Help: "Messages in these queues: ready (no agent took them yet) or unacknowledged (an agent is at them).",
	}
	agentStalled = &frame.Family{
		Name: "tocsin_rabbitmq_provisioning_stalled_since_timestamp_seconds", Type: frame.Gauge, Labels: agentLabels,
		Help: "Since when an agent has messages and finishes none: that of the slowest. Absent where no agent has any.",
	}
	celeryQueues = &frame.Family{
		Name: "tocsin_rabbitmq_celery_queues", Type: frame.Gauge, Labels: []string{"vhost", "kind"},
		Help: "Queues that Celery makes for itself: worker (one each, by which it is commanded), events (one for each who follows them).",
	}
)

func provisioningFamilies() []*frame.Family {
	return []*frame.Family{agentConsumers, agentsExpected, agentQueues, agentMessages, agentStalled, celeryQueues}
}

// agents are what is found of Publik's in one look.
type agents struct {
	c       *Collector
	visible bool            // the user may see the virtual host
	exists  bool            // the exchange
	bound   map[string]bool // queues behind it
	queues  []place
	sums    struct{ consumers, ready, unacked float64 }
	workers map[string]int // by virtual host
	events  map[string]int
}

// agents asks for the exchange and what is behind it.
func (c *Collector) agents(ctx context.Context) (*agents, error) {
	a := &agents{c: c, workers: map[string]int{}, events: map[string]int{}}
	var err error
	if a.exists, err = c.exchange(ctx, c.provisioning.Exchange); err != nil {
		return nil, err
	}
	a.visible = a.exists
	if !a.exists && c.expected {
		// One that is in each virtual host tells whether this one is seen at all.
		if a.visible, err = c.exchange(ctx, "amq.fanout"); err != nil {
			return nil, err
		}
	}
	if a.exists {
		a.bound, err = bindings(ctx, c.o.Client, place{c.provisioning.Vhost, c.provisioning.Exchange})
	}
	return a, err
}

// exchange tells whether an exchange is there, and this user may see it.
func (c *Collector) exchange(ctx context.Context, name string) (bool, error) {
	path := "/api/exchanges/" + url.PathEscape(c.provisioning.Vhost) + "/" + url.PathEscape(name)
	err := c.o.Client.Get(ctx, path, []string{"name"}, &struct{ Name api.Text }{})
	if withheld(err) {
		return false, nil
	}
	return err == nil, err
}

// see takes in a queue.
func (a *agents) see(q *queue) {
	name := string(q.Name)
	switch {
	case a.c.names.workers.MatchString(name) && !strings.Contains(name, ".reply."): // a command's answer has a queue of its own
		a.workers[string(q.Vhost)]++
	case a.c.names.events.MatchString(name):
		a.events[string(q.Vhost)]++
	case string(q.Vhost) != a.c.provisioning.Vhost:
	case a.bound[name] || a.c.names.broadcast.MatchString(name):
		a.queues = append(a.queues, q.place())
		a.sums.consumers += q.Consumers.Value
		a.sums.ready += q.Ready.Value
		a.sums.unacked += q.Unacked.Value
	}
}

// send tells what was found. Nothing there is "not detected", unless the site
// file expects agents where the user can see: then none is none.
func (a *agents) send(s *frame.Sink, sees seen, stalls *stalls) {
	for kind, counts := range map[string]map[string]int{"worker": a.workers, "events": a.events} {
		for vhost, n := range counts {
			s.Send(celeryQueues, float64(n), vhost, kind)
		}
	}
	p := a.c.provisioning
	if a.c.expected && p.Consumers > 0 {
		s.Send(agentsExpected, float64(p.Consumers), p.Vhost, p.Exchange)
	}
	found := a.exists || len(a.queues) > 0
	sees("provisioning", found, a.why(found))
	if !found && (!a.c.expected || !a.visible) {
		return
	}
	s.Send(agentConsumers, a.sums.consumers, p.Vhost, p.Exchange)
	s.Send(agentQueues, float64(len(a.queues)), p.Vhost, p.Exchange)
	s.Send(agentMessages, a.sums.ready, p.Vhost, p.Exchange, "ready")
	s.Send(agentMessages, a.sums.unacked, p.Vhost, p.Exchange, "unacknowledged")
	var oldest time.Time
	for _, q := range a.queues {
		if since, ok := stalls.since(q); ok && (oldest.IsZero() || since.Before(oldest)) {
			oldest = since
		}
	}
	if !oldest.IsZero() {
		s.Send(agentStalled, float64(oldest.Unix()), p.Vhost, p.Exchange)
	}
}

// why says what the site file expects and the broker does not show.
func (a *agents) why(found bool) string {
	p := a.c.provisioning
	switch {
	case !a.c.expected || found:
		return ""
	case !a.visible:
		return fmt.Sprintf("provisioning: user %s may not see the virtual host %s; let it: %s", a.c.o.Username, p.Vhost, a.c.grant(p.Vhost))
	}
	return fmt.Sprintf("provisioning: there is no exchange %s in the virtual host %s; does an agent run (supervisorctl status), or has Publik gone over to HTTP?", p.Exchange, p.Vhost)
}
