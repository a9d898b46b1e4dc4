package watch

import (
	"context"
	"net/url"
	"regexp"

	"tocsin/exporters/rabbitmq/api"
)

// maxExchanges bounds how many dead letter exchanges are followed in one look.
const maxExchanges = 50

// letterRules are a queue's arguments about messages that are not consumed.
type letterRules struct {
	Exchange *api.Text  `json:"x-dead-letter-exchange"`
	Key      *api.Text  `json:"x-dead-letter-routing-key"`
	TTL      api.Number `json:"x-message-ttl"`
}

// policyRules are the same, set by a policy.
type policyRules struct {
	Exchange *api.Text  `json:"dead-letter-exchange"`
	Key      *api.Text  `json:"dead-letter-routing-key"`
	TTL      api.Number `json:"message-ttl"`
}

// letters finds out which queues dead letters come to: those that a dead letter
// exchange leads to, and those whose name says so. A queue that nobody reads,
// whose messages expire and go on, only makes them wait: where it leads is no
// place for dead letters.
type letters struct {
	named     *regexp.Regexp
	exchanges map[place]bool // in their virtual hosts
	dead      map[place]bool
	delays    map[place]bool
	found     bool
}

func newLetters(named *regexp.Regexp) *letters {
	return &letters{named: named, exchanges: map[place]bool{}, dead: map[place]bool{}, delays: map[place]bool{}}
}

// see takes in where a queue's own dead letters go.
func (l *letters) see(q *queue) {
	if l.named.MatchString(string(q.Name)) {
		l.dead[q.place()], l.found = true, true
	}
	exchange, key := q.Arguments.Value.Exchange, q.Arguments.Value.Key // these precede a policy's
	if exchange == nil {
		exchange = q.Policy.Value.Exchange
	}
	if key == nil {
		key = q.Policy.Value.Key
	}
	ttl := q.Arguments.Value.TTL.OK || q.Policy.Value.TTL.OK
	switch {
	case exchange == nil:
	case ttl && q.Consumers.Value == 0:
		l.delays[q.place()] = true
	case *exchange != "":
		if len(l.exchanges) < maxExchanges {
			l.exchanges[place{string(q.Vhost), string(*exchange)}] = true
		}
	case key != nil: // the default exchange leads to the queue of that name
		l.dead[place{string(q.Vhost), string(*key)}], l.found = true, true
	}
}

// resolve asks which queues are bound to the exchanges. An exchange that the
// user may not see, or that is not there, leads nowhere.
func (l *letters) resolve(ctx context.Context, client *api.Client) error {
	for e := range l.exchanges {
		bound, err := bindings(ctx, client, e)
		if err != nil {
			return err
		}
		for name := range bound {
			l.dead[place{e.vhost, name}], l.found = true, true
		}
	}
	return nil
}

func (l *letters) any() bool { return l.found }

// role says what a queue is for.
func (l *letters) role(q *queue) string {
	switch {
	case l.dead[q.place()]:
		return roleDeadLetter
	case l.delays[q.place()]:
		return roleDelay
	}
	return roleWork
}

// bindings are the queues behind an exchange. One that does not exist has none
// (so the API has it), nor has one that the user may not see.
func bindings(ctx context.Context, client *api.Client, exchange place) (map[string]bool, error) {
	path := "/api/exchanges/" + url.PathEscape(exchange.vhost) + "/" + url.PathEscape(exchange.name) + "/bindings/source"
	bound := map[string]bool{}
	err := api.Each(ctx, client, path, []string{"destination", "destination_type"}, func(b *struct {
		Destination api.Text
		Type        api.Text `json:"destination_type"`
	},
	) error {
		if b.Type == "queue" {
			bound[string(b.Destination)] = true
		}
		return nil
	})
	if withheld(err) {
		return bound, nil
	}
	return bound, err
}
