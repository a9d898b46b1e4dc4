package mailtrip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"tocsin/probes/probe"
	"tocsin/probes/smtp"
	"tocsin/probes/stream"
)

// submit gives the message to the submission server.
func (t *trip) submit(ctx context.Context) error {
	o := t.options
	conn, err := stream.Connect(ctx, t.result, 0, &o.Dial, o.Submission.host, o.Submission.port)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop, err := smtp.Bound(ctx, conn)
	if err != nil {
		return err
	}
	defer stop()
	session, err := t.greet(ctx, conn)
	if err != nil {
		return err
	}
	reply, err := session.Login(ctx, o.Sender.Username, t.sendPassword)
	if err != nil {
		return err
	}
	if reply.Code != 235 {
		return probe.Fail(probe.LoginRefused, probe.PhaseProcessing, fmt.Errorf("the submission server refuses the login as %s: %s", o.Sender.Username, reply))
	}
	for _, s := range []struct{ what, line string }{
		{"MAIL FROM:<" + o.From + ">", "MAIL FROM:<" + o.From + ">"},
		{"RCPT TO:<" + o.To + ">", "RCPT TO:<" + o.To + ">"},
		{"DATA", "DATA"},
		{"the message", message(o.From, o.To, t.mark, time.Now()) + "."},
	} {
		began := time.Now()
		if reply, err = session.Do(ctx, s.what, s.line); err != nil {
			return err
		}
		t.result.Step(0, probe.PhaseProcessing, began, !reply.Good(), s.what+" answered with "+reply.String())
		switch {
		case reply.Good():
		case reply.Greylisted():
			return probe.Fail(probe.Greylisted, probe.PhaseProcessing, fmt.Errorf("the submission server wants the message again, later: %s", reply))
		default:
			return probe.Fail(probe.MailRefused, probe.PhaseProcessing, fmt.Errorf("the submission server answers %s with %s", s.what, reply))
		}
	}
	session.Quit(ctx)
	return nil
}

// greet goes as far as a server that offers logins, over TLS.
func (t *trip) greet(ctx context.Context, conn net.Conn) (*smtp.Session, error) {
	o := t.options
	if o.Submission.startTLS {
		if err := stream.Ask(ctx, t.result, 0, conn, "submission", o.Submission.host); err != nil {
			return nil, err
		}
	}
	secure, err := stream.Secure(ctx, t.result, 0, conn, o.Submission.host, &o.TLS)
	if err != nil {
		return nil, err
	}
	session := smtp.New(secure)
	if !o.Submission.startTLS {
		greeting, err := session.Greeting(ctx)
		if err != nil {
			return nil, err
		}
		if !greeting.Good() {
			return nil, probe.Fail(probe.Status, probe.PhaseProcessing, errors.New("the submission server turns us away: "+greeting.String()))
		}
	}
	reply, err := session.Hello(ctx, smtp.Name(conn))
	if err != nil {
		return nil, err
	}
	if !reply.Good() {
		return nil, probe.Fail(probe.Status, probe.PhaseProcessing, errors.New("the submission server refuses EHLO: "+reply.String()))
	}
	return session, nil
}
