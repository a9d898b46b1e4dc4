package smtpprobe

import (
	"context"
	"fmt"
	"time"

	"tocsin/probes/probe"
	"tocsin/probes/smtp"
)

// converse logs in where asked for, and asks what mail the server would take.
func (l *look) converse(ctx context.Context) error {
	if limit, ok := l.session.SizeLimit(); ok {
		l.result.Send(sizeLimit, limit)
	}
	if l.options.Username != "" {
		if err := l.login(ctx); err != nil {
			return err
		}
	}
	c := &l.options.Config
	if c.Mail.To == "" {
		return nil
	}
	last, err := l.envelope(ctx, cmdRcpt, phaseMail, c.Mail.To)
	if err != nil {
		return err
	}
	l.judge(last)
	if c.RelayTo == "" {
		return nil
	}
	if last, err = l.envelope(ctx, cmdRelay, phaseRelay, c.RelayTo); err != nil {
		return err
	}
	l.result.Send(openRelay, truth(last.Good()))
	if last.Good() {
		l.fail(probe.OpenRelay, fmt.Errorf("the server takes mail for %s, who is none of its own: %s", c.RelayTo, last))
	}
	return nil
}

func (l *look) login(ctx context.Context) error {
	reply, err := l.say(ctx, cmdLogin, phaseLogin, "the login as "+l.options.Username+" was answered with", func(ctx context.Context) (*smtp.Reply, error) {
		return l.session.Login(ctx, l.options.Username, l.password)
	})
	if err != nil {
		return err
	}
	if reply.Code != 235 {
		return l.refused(probe.LoginRefused, fmt.Errorf("the server refuses the login as %s: %s", l.options.Username, reply))
	}
	return nil
}

// envelope asks whether a message from mail.from would be taken for somebody,
// and takes it back. It returns the answer that decides. A server that wants to
// see more before it refuses a sender does so with the recipient.
func (l *look) envelope(ctx context.Context, command, phase, to string) (*smtp.Reply, error) {
	from := l.options.Config.Mail.From
	if from == NullSender {
		from = ""
	}
	last, err := l.ask(ctx, cmdMail, phase, "MAIL FROM:<"+from+">")
	if err != nil {
		return nil, err
	}
	if last.Good() {
		if last, err = l.ask(ctx, command, phase, "RCPT TO:<"+to+">"); err != nil {
			return nil, err
		}
	}
	_, err = l.session.Do(ctx, "RSET", "RSET")
	return last, err
}

func (l *look) ask(ctx context.Context, command, phase, line string) (*smtp.Reply, error) {
	return l.say(ctx, command, phase, line+" answered with", func(ctx context.Context) (*smtp.Reply, error) {
		return l.session.Do(ctx, line, line)
	})
}

// judge tells what the answer about mail.to means.
func (l *look) judge(last *smtp.Reply) {
	c := &l.options.Config
	later := last.Greylisted()
	l.result.Send(accepted, truth(last.Good()))
	l.result.Send(greylisted, truth(later))
	switch {
	case last.Good():
	case later && c.Greylisting == Accepted:
		l.result.Step(0, probe.PhaseProcessing, time.Time{}, false, "it is greylisting, which greylisting: accepted takes for good")
	case later:
		l.fail(probe.Greylisted, fmt.Errorf("the server wants the message again, later (greylisting): %s", last))
	case last.Code < 500:
		l.fail(probe.MailRefused, fmt.Errorf("the server takes no mail from %s for %s at the moment: %s", c.Mail.From, c.Mail.To, last))
	default:
		l.fail(probe.MailRefused, fmt.Errorf("the server refuses mail from %s for %s: %s", c.Mail.From, c.Mail.To, last))
	}
}

// fail notes what is wrong, and lets the conversation go on.
func (l *look) fail(reason probe.Reason, err error) {
	l.wrong = append(l.wrong, l.refused(reason, err))
}
