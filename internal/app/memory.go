package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"tocsin/alerts"
)

// remembered is how many messages the status page shows.
const remembered = 20

// memory keeps the newest messages for the status page, over reloads.
type memory struct {
	mu   sync.Mutex // guards list, newest last
	list []message
}

type message struct {
	at    time.Time
	voice string
	text  string
	err   string
}

func (m *memory) add(msg message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// The same failure again replaces itself: repeats are no news.
	if n := len(m.list); n > 0 && msg.err != "" && m.list[n-1].text == msg.text && m.list[n-1].err != "" {
		m.list = m.list[:n-1]
	}
	m.list = append(m.list, msg)
	if len(m.list) > remembered {
		m.list = slices.Clone(m.list[len(m.list)-remembered:])
	}
}

// newest returns the messages, newest first.
func (m *memory) newest() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.list)
	slices.Reverse(list)
	return list
}

// heard is a voice whose messages are remembered.
type heard struct {
	alerts.Voice
	memory *memory
	text   func(n alerts.Notification) string
}

// Say implements alerts.Voice.
func (h heard) Say(ctx context.Context, n alerts.Notification) (bool, error) {
	retry, err := h.Voice.Say(ctx, n)
	msg := message{at: n.At, voice: h.Name(), text: h.text(n)}
	if err != nil {
		msg.err = err.Error()
	}
	h.memory.add(msg)
	return retry, err
}
