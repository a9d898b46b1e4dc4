package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Bounds of checking passwords.
const (
	recheckUsers = 5 * time.Second // how long a changed users file may go unseen
	maxRemember  = 256             // checks remembered
	maxWaiting   = 16              // requests that may wait for a check
	checkWait    = 10 * time.Second
)

// verdict is what became of a password.
type verdict int

const (
	wrongPassword verdict = iota
	rightPassword
	tooBusy // too many passwords are being checked at once
)

// passwords checks users against their file. The file is read again when it
// changes; while it cannot be read the last good users stay.
type passwords struct {
	path string
	log  *slog.Logger
	now  func() time.Time
	key  [sha256.Size]byte // of this process alone
	wait chan struct{}     // one place for each request that checks or waits
	work chan struct{}     // one place: bcrypt takes a core

	mu         sync.Mutex // guards what follows
	users      map[string][]byte
	decoy      []byte // the dearest hash: what an unknown user is checked against
	stamp      stamp
	checked    time.Time
	broken     string // the last error told
	remembered map[[sha256.Size]byte]struct{}
}

// stamp tells a file from its former self.
type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.ModTime(), info.Size()}, nil
}

func newPasswords(path string, log *slog.Logger, now func() time.Time) (*passwords, error) {
	p := &passwords{
		path: path, log: log, now: now,
		wait: make(chan struct{}, maxWaiting), work: make(chan struct{}, 1),
		remembered: make(map[[sha256.Size]byte]struct{}),
	}
	if _, err := rand.Read(p.key[:]); err != nil {
		return nil, err
	}
	// Before the content, so that a change in between is seen later.
	p.stamp, _ = stampOf(path) // reading it gives the better error
	users, err := readUsers(path)
	if err != nil {
		return nil, err
	}
	p.checked = now()
	p.take(users)
	return p, nil
}

// take makes users the valid ones.
func (p *passwords) take(users map[string][]byte) {
	p.users, p.decoy = users, nil
	dearest := -1
	for _, hash := range users {
		if cost, err := bcrypt.Cost(hash); err == nil && cost > dearest {
			dearest, p.decoy = cost, hash
		}
	}
	clear(p.remembered)
}

// refresh reads the file again if it has changed.
func (p *passwords) refresh() {
	now := p.now()
	if now.Sub(p.checked) < recheckUsers {
		return
	}
	p.checked = now
	newStamp, err := stampOf(p.path)
	if err == nil && newStamp == p.stamp {
		return
	}
	var users map[string][]byte
	if err == nil {
		users, err = readUsers(p.path)
	}
	if err != nil {
		if p.broken != err.Error() {
			p.log.Error("users file was refused, the former users stay", "err", err)
			p.broken = err.Error()
		}
		return
	}
	p.stamp, p.broken = newStamp, ""
	p.take(users)
	p.log.Info("users file was read again", "users", len(users))
}

// check tells whether this is the user's password.
func (p *passwords) check(ctx context.Context, name, password string) verdict {
	p.mu.Lock()
	p.refresh()
	hash, known := p.users[name]
	if !known {
		hash = p.decoy // an unknown name takes as long as a wrong password
	}
	key := p.fingerprint(name, hash, password)
	_, seen := p.remembered[key]
	p.mu.Unlock()
	if seen {
		return rightPassword
	}

	matches, ok := p.compare(ctx, hash, password)
	switch {
	case !ok:
		return tooBusy
	case !matches || !known:
		return wrongPassword
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.remembered) >= maxRemember {
		clear(p.remembered)
	}
	p.remembered[key] = struct{}{}
	return rightPassword
}

// compare runs bcrypt, one at a time, so that a flood of wrong passwords costs
// one core at most and those who are remembered never wait.
func (p *passwords) compare(ctx context.Context, hash []byte, password string) (matches, ok bool) {
	select {
	case p.wait <- struct{}{}:
		defer func() { <-p.wait }()
	default:
		return false, false
	}
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	select {
	case p.work <- struct{}{}:
		defer func() { <-p.work }()
	case <-ctx.Done():
		return false, false
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil, true
}

// fingerprint stands for a name, its hash and a password, without telling
// them: it is keyed with what only this process knows. The hash is part of it
// so that a changed password is not remembered.
func (p *passwords) fingerprint(name string, hash []byte, password string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, p.key[:])
	for _, part := range [][]byte{[]byte(name), hash, []byte(password)} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write(part)
	}
	return [sha256.Size]byte(mac.Sum(nil))
}
