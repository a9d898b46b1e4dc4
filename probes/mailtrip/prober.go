package mailtrip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"tocsin/internal/frame"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/smtp"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

var errNoServer = errors.New("it is no server")

// How often the mailbox is looked into: the delivery's time is as exact.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Options is one trip.
type Options struct {
	Submission, Mailbox server
	Sender, Reader      Account
	From, To            string
	Folder, Junk        string // Junk empty: it is not looked into
	Dial                dial.Options
	TLS                 tlscheck.Options
}

// A Prober makes one trip. It implements probe.Prober.
type Prober struct{ options Options }

// New returns a prober. Options are not to be changed afterwards.
func New(o Options) *Prober { return &Prober{options: o} }

// Families implements probe.Prober.
func (p *Prober) Families() []*frame.Family { return Families() }

func shown(scheme string, s server) string {
	return scheme + "://" + net.JoinHostPort(s.host, strconv.Itoa(int(s.port)))
}

// Probe implements probe.Prober.
func (p *Prober) Probe(ctx context.Context) probe.Result {
	o := &p.options
	r := stream.Begin(ctx, shown("mailtrip", o.Submission), o.Submission.host)
	r.Hops = append(r.Hops, probe.Hop{
		URL: shown("imap", o.Mailbox), Host: strings.ToLower(o.Mailbox.host), Phases: map[probe.Phase]time.Duration{},
	})
	t := &trip{options: o, result: &r, mark: newMark()}
	var passwords [2]string
	for i, a := range []*Account{&o.Sender, &o.Reader} {
		text, err := a.Password.Read()
		if err != nil {
			r.End(&probe.Unmeasured{Err: err}, nil)
			return r
		}
		passwords[i] = text.Reveal()
	}
	t.sendPassword, t.readPassword = passwords[0], passwords[1]
	clean := probe.NewRedactor(append(smtp.Secrets(o.Sender.Username, t.sendPassword), t.readPassword)...)
	r.End(t.run(ctx), clean)
	return r
}

// trip is one look.
type trip struct {
	options                    *Options
	result                     *probe.Result
	mark                       string
	sendPassword, readPassword string
	box                        *mailbox
}

// late is how long a message may be under way, as for the rule MailTripLate.
const late = time.Minute

// run goes through the steps. The mailbox is opened before anything is sent, so
// that nothing is sent that could not be deleted.
func (t *trip) run(ctx context.Context) error {
	stop := func() {}
	defer func() {
		if t.box != nil {
			t.box.close()
		}
		stop()
	}()
	for _, s := range []struct {
		step step
		do   func(context.Context) error
	}{
		{stepMailbox, func(ctx context.Context) (err error) { stop, err = t.open(ctx); return err }},
		{stepClean, t.clean},
		{stepSend, t.submit},
		{stepDelivery, t.await},
		{stepDelete, t.remove},
	} {
		began := time.Now()
		if err := s.do(ctx); err != nil {
			t.result.Step(t.hop(s.step), probe.PhaseProcessing, began, true, string(s.step)+": "+err.Error())
			t.result.Send(failedStep, 1, string(s.step))
			return err
		}
		took := time.Since(began)
		t.result.Send(duration, took.Seconds(), string(s.step))
		if s.step == stepDelivery && took > late {
			t.result.Fault(fmt.Sprintf("the message was under way for %.0f s", took.Seconds()))
		}
	}
	return nil
}

// hop is which of the two servers a step speaks to.
func (t *trip) hop(s step) int {
	if s == stepSend {
		return 0
	}
	return 1
}

// open reaches the mailbox and logs in. stop is never nil.
func (t *trip) open(ctx context.Context) (stop func(), err error) {
	stop = func() {}
	o := t.options
	conn, err := stream.Connect(ctx, t.result, 1, &o.Dial, o.Mailbox.host, o.Mailbox.port)
	if err != nil {
		return stop, err
	}
	wake, err := smtp.Bound(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return stop, err
	}
	stop = func() {
		wake()
		_ = conn.Close()
	}
	if o.Mailbox.startTLS {
		if err := stream.Ask(ctx, t.result, 1, conn, "imap", o.Mailbox.host); err != nil {
			return stop, err
		}
	}
	options := o.TLS
	if options.ServerName != "" && !strings.EqualFold(o.Mailbox.host, o.Submission.host) {
		options.ServerName = "" // it is the submission server's
	}
	secure, err := stream.Secure(ctx, t.result, 1, conn, o.Mailbox.host, &options)
	if err != nil {
		return stop, err
	}
	if t.box, err = openMailbox(ctx, secure, o.Mailbox.startTLS); err != nil {
		return stop, err
	}
	if err := t.box.login(ctx, o.Reader.Username, t.readPassword); err != nil {
		return stop, err
	}
	t.result.Step(1, probe.PhaseProcessing, time.Time{}, false, "logged in to the mailbox as "+o.Reader.Username)
	return stop, nil
}

func (t *trip) folders() []string {
	if t.options.Junk == "" {
		return []string{t.options.Folder}
	}
	return []string{t.options.Junk, t.options.Folder} // the folder stays open
}

// clean deletes what earlier looks left.
func (t *trip) clean(ctx context.Context) error {
	n := 0
	for _, folder := range t.folders() {
		if err := t.box.open(ctx, folder); err != nil {
			return err
		}
		all, err := t.box.search(ctx, "")
		if err != nil {
			return err
		}
		var uids []imap.UID
		for _, f := range all {
			if time.Since(f.came) > old {
				uids = append(uids, f.uid)
			}
		}
		if len(uids) == 0 {
			continue
		}
		if _, err := t.box.remove(ctx, uids); err != nil {
			return err
		}
		n += len(uids)
		t.result.Step(1, probe.PhaseProcessing, time.Time{}, false, fmt.Sprintf("%d old messages of earlier looks were deleted in %s", len(uids), folder))
	}
	t.result.Send(leftovers, float64(n))
	return nil
}

// await looks into the mailbox until the message is there. The folder that it
// is in is then the open one.
func (t *trip) await(ctx context.Context) error {
	sent := time.Now()
	patient := ctx
	if deadline, ok := ctx.Deadline(); ok { // leaves time to say good-bye
		left := time.Until(deadline)
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeout(ctx, left-min(left/10, 2*time.Second))
		defer cancel()
	}
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		for _, folder := range t.folders() {
			here, err := t.look(ctx, folder)
			if err != nil || here {
				return err
			}
		}
		select {
		case <-patient.Done():
			if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return probe.Ended(ctx, probe.PhaseProcessing, "waiting for the message")
			}
			return probe.Fail(probe.Undelivered, probe.PhaseProcessing, fmt.Errorf(
				"the server took the message for %s, and %.0f s later it is not in %s", t.options.To, time.Since(sent).Seconds(), strings.Join(t.folders(), " or ")))
		case <-time.After(pause):
		}
	}
}

// look tells whether the message is in a folder.
func (t *trip) look(ctx context.Context, folder string) (bool, error) {
	if t.options.Junk != "" { // else the folder is open since clean
		if err := t.box.open(ctx, folder); err != nil {
			return false, err
		}
	}
	all, err := t.box.search(ctx, t.mark)
	if err != nil || len(all) == 0 {
		return false, err
	}
	t.result.Step(1, probe.PhaseProcessing, time.Time{}, false, "the message is in "+folder)
	if t.options.Junk != "" {
		spam := 0.0
		if folder == t.options.Junk {
			spam = 1
			t.result.Fault("the message was taken for spam: it is in " + folder)
		}
		t.result.Send(junk, spam)
	}
	return true, nil
}

// remove deletes the message, as often as it is there.
func (t *trip) remove(ctx context.Context) error {
	all, err := t.box.search(ctx, t.mark)
	if err != nil {
		return err
	}
	uids := make([]imap.UID, len(all))
	for i, f := range all {
		uids[i] = f.uid
	}
	if len(uids) == 0 {
		return nil // somebody was faster
	}
	gone, err := t.box.remove(ctx, uids)
	if err == nil && !gone {
		t.result.Step(1, probe.PhaseProcessing, time.Time{}, false, "the message is marked as deleted: to take it away would take others away that are marked so")
	}
	return err
}
