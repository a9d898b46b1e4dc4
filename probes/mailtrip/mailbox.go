package mailtrip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/tlscheck"
)

const (
	// maxFound bounds how many marked messages are looked at in one folder.
	maxFound = 50
	// old is how long a message of another look is left alone: the look may
	// still be waiting for it.
	old = time.Hour
)

// mailbox is an open mailbox. Its errors are a probe.Failure or
// probe.Unmeasured.
type mailbox struct {
	client *imapclient.Client
	conn   *bounded
}

// openMailbox begins to speak on a connection that TLS covers; greeted is true
// after STARTTLS, where the server has greeted before.
func openMailbox(ctx context.Context, conn net.Conn, greeted bool) (*mailbox, error) {
	b := &bounded{Conn: conn, left: maxMailbox}
	if greeted {
		b.greeting = "* OK TLS has begun\r\n"
	}
	m := &mailbox{client: imapclient.New(b, nil), conn: b}
	if err := m.client.WaitGreeting(); err != nil {
		_ = m.client.Close()
		return nil, m.explain(ctx, "waiting for the greeting", err)
	}
	return m, nil
}

// close says good-bye, if there is time, and ends the library's goroutines.
func (m *mailbox) close() {
	if m.conn.why() == nil {
		_ = m.client.Logout().Wait() // ends with the look's deadline
	}
	_ = m.client.Close()
}

func (m *mailbox) login(ctx context.Context, username, password string) error {
	err := m.client.Login(username, password).Wait()
	if no, ok := errors.AsType[*imap.Error](err); ok {
		return probe.Fail(probe.LoginRefused, probe.PhaseProcessing, fmt.Errorf("the mailbox's server refuses the login as %s: %s", username, said(no)))
	}
	return m.explain(ctx, "logging in to the mailbox", err)
}

// open makes a folder the one that is looked at.
func (m *mailbox) open(ctx context.Context, folder string) error {
	_, err := m.client.Select(folder, nil).Wait()
	return m.explain(ctx, "opening the folder "+folder, err)
}

// found is a marked message.
type found struct {
	uid  imap.UID
	mark string
	came time.Time
}

// search returns the messages of the open folder that bear a mark: this one,
// or any if it is empty. What the server finds is looked at again: nothing that
// bears no mark of ours is ever touched.
func (m *mailbox) search(ctx context.Context, mark string) ([]found, error) {
	const doing = "searching the mailbox"
	if err := m.client.Noop().Wait(); err != nil { // the server may tell of new messages now
		return nil, m.explain(ctx, doing, err)
	}
	data, err := m.client.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: markHeader, Value: mark}}}, nil).Wait()
	if err != nil {
		return nil, m.explain(ctx, doing, err)
	}
	uids := first(data)
	if len(uids) == 0 {
		return nil, nil
	}
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{markHeader}, Peek: true}
	messages, err := m.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{
		UID: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{section},
	}).Collect()
	if err != nil {
		return nil, m.explain(ctx, doing, err)
	}
	var all []found
	for _, message := range messages {
		f := found{uid: message.UID, came: message.InternalDate, mark: markOf(message.FindBodySection(section))}
		if f.mark != "" && (mark == "" || f.mark == mark) && slices.Contains(uids, f.uid) {
			all = append(all, f)
		}
	}
	return all, nil
}

// first returns the first UIDs of an answer: a range in it may be of billions.
func first(data *imap.SearchData) []imap.UID {
	set, _ := data.All.(imap.UIDSet)
	var uids []imap.UID
	for _, r := range set {
		for uid := r.Start; uid != 0 && uid <= r.Stop && len(uids) < maxFound; uid++ {
			uids = append(uids, uid)
		}
	}
	return uids
}

// remove deletes messages. It returns false when they are only marked as
// deleted, because the server would take others away with them.
func (m *mailbox) remove(ctx context.Context, uids []imap.UID) (gone bool, err error) {
	const doing = "deleting in the mailbox"
	set := imap.UIDSetNum(uids...)
	if err := m.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return false, m.explain(ctx, doing, err)
	}
	if caps := m.client.Caps(); caps.Has(imap.CapUIDPlus) || caps.Has(imap.CapIMAP4rev2) {
		return true, m.explain(ctx, doing, m.client.UIDExpunge(set).Close())
	}
	// EXPUNGE takes all that is marked as deleted.
	data, err := m.client.UIDSearch(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagDeleted}}, nil).Wait()
	if err != nil {
		return false, m.explain(ctx, doing, err)
	}
	for _, uid := range first(data) {
		if !slices.Contains(uids, uid) {
			return false, nil
		}
	}
	return true, m.explain(ctx, doing, m.client.Expunge().Close())
}

// explain gives an error of the library its reason; nil stays nil.
func (m *mailbox) explain(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if no, ok := errors.AsType[*imap.Error](err); ok {
		return probe.Fail(probe.Status, probe.PhaseProcessing, fmt.Errorf("%s: the server says %s", doing, said(no)))
	}
	if ended := probe.Ended(ctx, probe.PhaseProcessing, doing); ended != nil {
		return ended
	}
	broke := m.conn.why()
	if f, ok := errors.AsType[*probe.Failure](broke); ok {
		return f
	}
	if reason, text, ok := tlscheck.Alert(broke); ok {
		return probe.Fail(reason, probe.PhaseTLS, errors.New(text))
	}
	switch reason := dial.ReasonOf(broke); {
	case broke != nil && reason != probe.Other:
		return probe.Fail(reason, probe.PhaseProcessing, fmt.Errorf("%s: %s", doing, dial.Words(broke)))
	case errors.Is(broke, io.EOF), errors.Is(broke, net.ErrClosed), errors.Is(err, io.ErrUnexpectedEOF):
		return probe.Fail(probe.Reset, probe.PhaseProcessing, fmt.Errorf("the mailbox's server closed the connection while %s", doing))
	default:
		text, _, _ := strings.Cut(err.Error(), "\n") // the library tells of its stack
		return probe.Fail(probe.Protocol, probe.PhaseProcessing, fmt.Errorf("%s: %s", doing, text))
	}
}

// said writes a server's refusal as it was said.
func said(no *imap.Error) string {
	code := ""
	if no.Code != "" {
		code = "[" + string(no.Code) + "] "
	}
	return string(no.Type) + " " + code + no.Text
}
