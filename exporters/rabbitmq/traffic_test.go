package rabbitmq

import (
	"context"
	"testing"
	"time"

	"github.com/rabbitmq/amqp091-go"

	"tocsin/internal/testenv"
)

// traffic gives a broker something of everything that its plugin counts, and
// keeps the connections open until the test ends.
func traffic(t testing.TB, b *testenv.Broker) {
	t.Helper()
	open := func() *amqp091.Channel {
		conn, err := amqp091.DialConfig(b.AMQP, amqp091.Config{
			Heartbeat: 10 * time.Minute, // so that nothing moves while one compares
			SASL:      []amqp091.Authentication{&amqp091.PlainAuth{Username: "guest", Password: "guest"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		ch, err := conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		return ch
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sender, reader := open(), open()
	for name, args := range map[string]amqp091.Table{
		"orders": nil, "idle": nil, "owl \U0001F989": nil, "backlog": nil, "quorum": {"x-queue-type": "quorum"}, "stream": {"x-queue-type": "stream"},
	} {
		must(sender.QueueDeclare(name, true, false, false, false, args))
	}
	must(nil, sender.Confirm(false))
	returned := sender.NotifyReturn(make(chan amqp091.Return, 100))
	go func() {
		for range returned { //nolint:revive // until the channel closes
		}
	}()
	confirmed := sender.NotifyPublish(make(chan amqp091.Confirmation, 1000))
	sent := 0
	publish := func(key string, mandatory bool, mode uint8) {
		must(nil, sender.PublishWithContext(context.Background(), "", key, mandatory, false, amqp091.Publishing{Body: []byte("hello"), DeliveryMode: mode}))
		sent++
	}
	for range 30 {
		publish("orders", false, amqp091.Persistent)
		publish("backlog", false, amqp091.Transient)
		publish("quorum", false, amqp091.Persistent)
		publish("nowhere", true, amqp091.Transient)
		publish("nowhere", false, amqp091.Transient)
	}
	for range sent {
		select {
		case <-confirmed:
		case <-time.After(10 * time.Second):
			t.Fatal("the broker confirms nothing")
		}
	}
	must(nil, reader.Qos(10, 0, false))
	deliveries, err := reader.Consume("orders", "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 15 { // of 30; ten more wait for it
		must(nil, (<-deliveries).Ack(false))
	}
	_, _, err = reader.Get("backlog", true)
	must(nil, err)
	_, _, err = reader.Get("backlog", false)
	must(nil, err)
	_, _, err = reader.Get("idle", true)
	must(nil, err)
}
