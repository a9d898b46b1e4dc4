package watch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

// What a queue is for.
const (
	roleWork       = "work"        // applications read it
	roleDelay      = "delay"       // messages wait in it until they expire, and go on elsewhere
	roleDeadLetter = "dead_letter" // messages lie in it that nobody could use
)

var (
	queueLabels = []string{"vhost", "queue", "role"}

	queueReady = &frame.Family{
		Name: "tocsin_rabbitmq_queue_ready_messages", Type: frame.Gauge, Labels: queueLabels,
		Help: "Messages of a queue that wait to be delivered. Of queues with messages; at most as many as top says. Role is work, delay (messages expire and go on) or dead_letter.",
	}
	queueUnacked = &frame.Family{
		Name: "tocsin_rabbitmq_queue_unacknowledged_messages", Type: frame.Gauge, Labels: queueLabels,
		Help: "Messages of it that consumers have and did not acknowledge.",
	}
	queueConsumers = &frame.Family{
		Name: "tocsin_rabbitmq_queue_consumers", Type: frame.Gauge, Labels: queueLabels,
		Help: "Consumers of it.",
	}
	queueHead = &frame.Family{
		Name: "tocsin_rabbitmq_queue_head_timestamp_seconds", Type: frame.Gauge, Labels: queueLabels,
		Help: "When the first message of it was sent, as its publisher says. Absent where publishers do not say, and for quorum queues.",
	}
	queueStalled = &frame.Family{
		Name: "tocsin_rabbitmq_queue_stalled_since_timestamp_seconds", Type: frame.Gauge, Labels: queueLabels,
		Help: "Since when no consumer of it has finished a message, though it has messages and consumers. Now, for one at work.",
	}
	queuesByState = &frame.Family{
		Name: "tocsin_rabbitmq_queues", Type: frame.Gauge, Labels: []string{"state"},
		Help: "Queues by their state: running, idle, flow, down (its node does not run), minority (a quorum queue without its majority), crashed, stopped, terminated, other.",
	}
	queuesUnread = &frame.Family{
		Name: "tocsin_rabbitmq_queues_unread", Type: frame.Gauge,
		Help: "Queues for work that have messages and no consumer, told by name or not.",
	}
	queuesUntold = &frame.Family{
		Name: "tocsin_rabbitmq_watched_queues_left_out", Type: frame.Gauge,
		Help: "Queues with messages that are not told by name, since there are more than top says.",
	}
	deadLetters = &frame.Family{
		Name: "tocsin_rabbitmq_dead_letter_messages", Type: frame.Gauge,
		Help: "Messages in all queues that hold dead letters. Absent where there is no such queue.",
	}
)

func queueFamilies() []*frame.Family {
	return []*frame.Family{
		queueReady, queueUnacked, queueConsumers, queueHead, queueStalled, queuesByState, queuesUnread, queuesUntold, deadLetters,
	}
}

// queue is what /api/queues says of one.
type queue struct {
	Name, Vhost, State api.Text
	Exclusive          bool
	Ready              api.Number `json:"messages_ready"`
	Unacked            api.Number `json:"messages_unacknowledged"`
	Consumers          api.Number
	Head               api.Number         `json:"head_message_timestamp"`
	Arguments          loose[letterRules] `json:"arguments"`
	Policy             loose[policyRules] `json:"effective_policy_definition"`
	Stats              loose[struct {
		Acked  api.Number `json:"ack"`
		Sent   api.Number `json:"deliver_no_ack"`
		Gotten api.Number `json:"get_no_ack"`
	}] `json:"message_stats"`
}

var queueColumns = strings.Fields(`name vhost state exclusive messages_ready messages_unacknowledged consumers head_message_timestamp
	arguments effective_policy_definition message_stats.ack message_stats.deliver_no_ack message_stats.get_no_ack`)

// messages are all that it holds.
func (q *queue) messages() float64 { return q.Ready.Value + q.Unacked.Value }

// finished is how many messages consumers have finished since the broker
// started.
func (q *queue) finished() float64 {
	return q.Stats.Value.Acked.Value + q.Stats.Value.Sent.Value + q.Stats.Value.Gotten.Value
}

// place names a queue.
type place struct{ vhost, name string }

func (q *queue) place() place { return place{string(q.Vhost), string(q.Name)} }

// nameless are queues whose names are made up at each connection: told by
// name, they would be a new series each time.
func (c *Collector) nameless(q *queue) bool {
	name := string(q.Name)
	return q.Exclusive || strings.HasPrefix(name, "amq.gen-") || strings.HasPrefix(name, "tocsin.round-trip.") ||
		c.names.broadcast.MatchString(name) || c.names.events.MatchString(name) || c.names.workers.MatchString(name) ||
		c.names.ignore != nil && c.names.ignore.MatchString(name)
}

// queues walks over all queues once, and tells them, dead letters and Publik's
// agents.
func (c *Collector) queues(ctx context.Context, s *frame.Sink, o *overview, sees seen) error {
	many := o.Objects.Value.Queues.Value > api.MaxQueues
	if o.Disabled || many {
		why := ""
		if many {
			why = fmt.Sprintf("it has %.0f queues, and to list more than %d by its management API would be a burden to it, so no queue is looked at", o.Objects.Value.Queues.Value, api.MaxQueues)
		}
		sees("queues", false, why)
		sees("provisioning", false, "")
		return nil
	}
	agents, err := c.agents(ctx)
	if err != nil {
		return err
	}
	walked, letters := 0, newLetters(c.names.deadLetters)
	states := map[string]int{}
	var kept []*queue
	stalls := c.stalls.renew(c.o.Now(), o.Rates == "none")
	err = api.Each(ctx, c.o.Client, "/api/queues", queueColumns, func(q *queue) error {
		walked++
		states[stateOf(string(q.State))]++
		stalls.see(q)
		agents.see(q)
		if c.nameless(q) {
			return nil
		}
		letters.see(q)
		if q.messages() > 0 {
			kept = append(kept, q)
		}
		return nil
	})
	if err != nil {
		return err
	}
	all, why := c.whole(walked, o)
	sees("queues", all, why)
	agents.send(s, sees, stalls)
	if !all && walked == 0 {
		return nil
	}
	for state, n := range states {
		s.Send(queuesByState, float64(n), state)
	}
	err = letters.resolve(ctx, c.o.Client)
	c.tell(s, kept, letters, stalls)
	return err
}

// whole tells whether the list had all queues that the broker counts. A user
// who may not enter a virtual host is shown its queues as if there were none.
func (c *Collector) whole(walked int, o *overview) (all bool, why string) {
	total := o.Objects.Value.Queues
	short := total.OK && walked < int(total.Value)
	was := c.short
	c.short = short
	if !short || walked > 0 && !was { // a queue may have come in between
		return true, ""
	}
	return false, fmt.Sprintf("user %s is shown %d of %.0f queues: it may not enter each virtual host; for each that it shall see: %s",
		c.o.Username, walked, total.Value, c.grant("VHOST"))
}

// tell sends the queues that matter most by name.
func (c *Collector) tell(s *frame.Sink, kept []*queue, letters *letters, stalls *stalls) {
	unread, dead := 0, 0.0
	roles := make(map[*queue]string, len(kept))
	for _, q := range kept {
		role := letters.role(q)
		roles[q] = role
		if role == roleDeadLetter {
			dead += q.messages()
		}
		if unreadWork(q, role) {
			unread++
		}
	}
	s.Send(queuesUnread, float64(unread))
	if letters.any() {
		s.Send(deadLetters, dead)
	}
	slices.SortFunc(kept, func(a, b *queue) int {
		return cmp.Or(
			cmp.Compare(number(unreadWork(b, roles[b])), number(unreadWork(a, roles[a]))),
			cmp.Compare(b.messages(), a.messages()),
			cmp.Compare(a.Vhost, b.Vhost), cmp.Compare(a.Name, b.Name))
	})
	told := min(len(kept), c.config.Top)
	s.Send(queuesUntold, float64(len(kept)-told))
	for _, q := range kept[:told] {
		labels := []string{string(q.Vhost), string(q.Name), roles[q]}
		s.Send(queueReady, q.Ready.Value, labels...)
		s.Send(queueUnacked, q.Unacked.Value, labels...)
		if q.Consumers.OK {
			s.Send(queueConsumers, q.Consumers.Value, labels...)
		}
		if q.Head.OK && q.Head.Value > 0 {
			s.Send(queueHead, q.Head.Value, labels...)
		}
		if since, ok := stalls.since(q.place()); ok {
			s.Send(queueStalled, float64(since.Unix()), labels...)
		}
	}
}

func unreadWork(q *queue, role string) bool {
	return role == roleWork && q.Ready.Value > 0 && q.Consumers.OK && q.Consumers.Value == 0
}

// stateOf bounds what a broker may call a state. A quorum queue's can be
// "idle" or come with a word after it.
func stateOf(state string) string {
	if slices.Contains([]string{"running", "idle", "flow", "down", "minority", "crashed", "stopped", "terminated"}, state) {
		return state
	}
	if state == "" {
		return "running" // the API leaves it out where there is nothing to say
	}
	return "other"
}
