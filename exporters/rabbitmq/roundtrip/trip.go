package roundtrip

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// queuePrefix begins the test queue's name, so that a user can be allowed
	// this and no more.
	queuePrefix = "tocsin.round-trip."
	// leftover is how long what a run leaves behind may live, in milliseconds:
	// of a run that was killed, say. The queue goes with its connection as it is.
	leftover = 60_000
	// farewell is how long the end of a connection may take.
	farewell = 2 * time.Second
	// heartbeat is how soon the broker notices that a connection is dead.
	heartbeat = 10 * time.Second
	// frameSize is the least that the protocol allows; a run's frames are small.
	frameSize = 4096
)

func (d door) address() string { return net.JoinHostPort(d.host, strconv.Itoa(d.port)) }

// times are how long the parts of a trip took.
type times struct{ connect, declare, deliver time.Duration }

// trip is one message's way through the broker.
type trip struct {
	door     door
	vhost    string
	username string
	password string
	tls      *tls.Config // of amqps
}

// run sends a message round. It returns when ctx ends, at the latest.
func (t *trip) run(ctx context.Context) (took times, err error) {
	start := time.Now()
	conn, raw, err := t.connect(ctx)
	if err != nil {
		return took, err
	}
	// The library's calls know no context: the end of the connection ends them.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	defer func() {
		// A broker that blocks publishers does not read what they say, a
		// farewell neither; that the connection is gone it sees at the next
		// heartbeat that it sends.
		if reasonOf(err) == Blocked || conn.CloseDeadline(time.Now().Add(farewell)) != nil {
			raw.Close()
		}
	}()
	took.connect = time.Since(start)

	start = time.Now()
	channel, err := conn.Channel()
	if err != nil {
		return took, late(ctx, err)
	}
	if err := channel.Confirm(false); err != nil {
		return took, late(ctx, err)
	}
	queue, err := channel.QueueDeclare(queuePrefix+rand.Text(), false, true, true, false, amqp.Table{"x-expires": int32(leftover)})
	if err != nil {
		return took, late(ctx, err)
	}
	arrived, err := channel.Consume(queue.Name, "", true, true, false, false, nil)
	if err != nil {
		return took, late(ctx, err)
	}
	took.declare = time.Since(start)

	start = time.Now()
	token := rand.Text()
	returned := channel.NotifyReturn(make(chan amqp.Return, 1))
	closed := channel.NotifyClose(make(chan *amqp.Error, 1))
	confirmed, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", queue.Name, true, false, amqp.Publishing{
		ContentType: "text/plain", Expiration: strconv.Itoa(leftover), Timestamp: start, Body: []byte(token),
	})
	if err != nil {
		return took, late(ctx, err)
	}
	err = late(ctx, t.await(ctx, token, arrived, confirmed, blocked, returned, closed))
	took.deliver = time.Since(start)
	return took, err
}

// await waits until the message has come back and the broker has said that it
// took it.
func (t *trip) await(ctx context.Context, token string, arrived <-chan amqp.Delivery, confirmed *amqp.DeferredConfirmation, blocked <-chan amqp.Blocking, returned <-chan amqp.Return, closed <-chan *amqp.Error) error {
	done := confirmed.Done()
	for arrived != nil || done != nil {
		select {
		case m, ok := <-arrived:
			switch {
			case !ok:
				arrived = nil // closed says why
			case string(m.Body) != token:
				return fail(Lost, "another message came back than was sent")
			default:
				arrived = nil
				if done == nil {
					return nil
				}
			}
		case <-done:
			if !confirmed.Acked() {
				return fail(Lost, "the broker did not take the message; see its log: journalctl -u rabbitmq-server -e")
			}
			done = nil
		case <-returned:
			return fail(Lost, "the broker found no way to the test queue")
		case b := <-blocked:
			return t.blocked(b)
		case err := <-closed:
			if err == nil {
				return errors.New("closed")
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// blocked says which alarm it is; its words are the broker's, and few
// (rabbit_reader:send_blocked).
func (t *trip) blocked(b amqp.Blocking) *failure {
	switch b.Reason {
	case "low on memory":
		return fail(Blocked, "the broker takes no messages: it is low on memory; see what uses it: rabbitmq-diagnostics memory_breakdown")
	case "low on disk":
		return fail(Blocked, "the broker takes no messages: it is low on disk; free some: df -h /var/lib/rabbitmq")
	}
	return fail(Blocked, "the broker takes no messages: an alarm is on; see which: rabbitmq-diagnostics alarms")
}

// late gives an error that came of the end of time its true name.
func late(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// connect dials, encrypts and logs in. Both connections are the same one; to
// close raw is to end it without a word.
func (t *trip) connect(ctx context.Context) (conn *amqp.Connection, raw net.Conn, err error) {
	raw, err = new(net.Dialer).DialContext(ctx, "tcp", t.door.address())
	if err != nil {
		return nil, nil, late(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	carrier := raw
	if t.tls != nil {
		client := tls.Client(raw, t.tls)
		if err := client.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, nil, late(ctx, err)
		}
		carrier = client
	}
	conn, err = amqp.Open(carrier, amqp.Config{
		SASL:       []amqp.Authentication{&amqp.PlainAuth{Username: t.username, Password: t.password}},
		Vhost:      t.vhost,
		Heartbeat:  heartbeat,
		FrameSize:  frameSize,
		ChannelMax: 1,
		Locale:     "en_US",
		Properties: amqp.Table{"product": "Tocsin", "connection_name": "Tocsin round trip"},
	})
	if err != nil {
		raw.Close()
		return nil, nil, late(ctx, err)
	}
	return conn, raw, nil
}
