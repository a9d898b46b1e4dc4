package accounts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"tocsin/internal/frame"
)

// Every is the collector's own clock.
const Every = 5 * time.Minute

var (
	loginAccounts = &frame.Family{
		Name: "tocsin_host_login_accounts", Help: "Local accounts whose shell lets them log in.",
	}
	rootAccounts = &frame.Family{
		Name: "tocsin_host_root_accounts", Help: "Local accounts with root's number, 0; one is usual.",
	}
	openAccounts = &frame.Family{
		Name: "tocsin_host_passwordless_accounts", Help: "Local accounts that need no password; absent where /etc/shadow may not be read, which takes root.",
	}
	members = &frame.Family{
		Name: "tocsin_host_root_group_members", Labels: []string{"group"},
		Help: "Members of a group that can become root: sudo, wheel, admin, docker, lxd or incus-admin, where there is such a group.",
	}
	authorizedKeys = &frame.Family{
		Name: "tocsin_host_authorized_keys", Help: "Keys that sshd takes for accounts that may log in, of those that could be read; absent where none could.",
	}
	unreadKeys = &frame.Family{
		Name: "tocsin_host_authorized_keys_unread_accounts", Help: "Accounts that may log in and whose keys could not all be read: it takes root.",
	}
	keysElsewhere = &frame.Family{
		Name: "tocsin_host_authorized_keys_elsewhere", Help: "Whether sshd also takes keys that are not counted: from a command, from an authority, or under Match.",
	}
	sessions = &frame.Family{
		Name: "tocsin_host_login_sessions", Help: "Sessions of people who are logged in; absent where nobody keeps a record.",
	}
)

// collector is the collector accounts.
type collector struct{ root, proc string }

// New returns the collector of the machine whose files lie under root, and
// whose processes under proc.
func New(root, proc string) frame.Collector { return &collector{root, proc} }

// Name implements frame.Collector.
func (c *collector) Name() string { return "accounts" }

// Families implements frame.Collector.
func (c *collector) Families() []*frame.Family {
	return []*frame.Family{loginAccounts, rootAccounts, openAccounts, members, authorizedKeys, unreadKeys, keysElsewhere, sessions}
}

// Collect implements frame.Collector.
func (c *collector) Collect(ctx context.Context, s *frame.Sink) error {
	all, err := readAccounts(filepath.Join(c.root, "etc/passwd"))
	if errors.Is(err, fs.ErrNotExist) {
		return frame.ErrNoData
	}
	errs := []error{err}
	if len(all) > 0 {
		errs = append(errs, c.accounts(ctx, s, all))
	}
	switch n, err := countSessions(c.root, c.proc); {
	case err == nil:
		s.Send(sessions, float64(n))
	case !errors.Is(err, errNoSessions):
		errs = append(errs, fmt.Errorf("sessions: %w", err))
	}
	return errors.Join(errs...)
}

func (c *collector) accounts(ctx context.Context, s *frame.Sink, all []account) error {
	login, root := 0, 0
	for _, a := range all {
		if a.mayLogIn() {
			login++
		}
		if a.uid == "0" {
			root++
		}
	}
	s.Send(loginAccounts, float64(login))
	s.Send(rootAccounts, float64(root))

	groups, groupErr := readGroups(filepath.Join(c.root, "etc/group"), all)
	for group, n := range groups {
		s.Send(members, float64(n), group)
	}
	open, openErr := readOpen(filepath.Join(c.root, "etc/shadow"), all)
	switch {
	case openErr == nil:
		s.Send(openAccounts, float64(open))
	case errors.Is(openErr, fs.ErrPermission), errors.Is(openErr, fs.ErrNotExist):
		openErr = nil // the number's absence says so
	}
	found, keyErr := countKeys(ctx, c.root, all)
	if ctx.Err() != nil { // a part of them would read as a change
		return ctx.Err()
	}
	if found.unread < login {
		s.Send(authorizedKeys, float64(found.count))
	}
	s.Send(unreadKeys, float64(found.unread))
	s.Send(keysElsewhere, truth(found.elsewhere))
	return errors.Join(groupErr, openErr, keyErr)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
