package watch

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
)

const (
	// guestEvery is how often guest tries to log in: each refusal is a line in
	// the broker's log.
	guestEvery = time.Hour
	// maxUsers bounds how many users are looked at.
	maxUsers = 10_000
	// maxGuessed bounds how many of them are told by name.
	maxGuessed = 50
)

var defaultPassword = &frame.Family{
	Name: "tocsin_rabbitmq_user_default_password", Type: frame.Gauge, Labels: []string{"user", "reach"},
	Help: "Whether a user has the password that everybody tries first: that of the delivery, or the user's own name. Of guest, 0 too where it is known. Reach is local (it was tried, or guest may come, from the broker's own machine) or network.",
}

func userFamilies() []*frame.Family { return []*frame.Family{defaultPassword} }

// users tells whose password is a default one. The list of users, with their
// hashes, is for the tag administrator; to anybody else it is left to try
// whether guest gets in.
func (c *Collector) users(ctx context.Context, s *frame.Sink, sees seen) error {
	type user struct {
		Name      api.Text
		Hash      api.Text `json:"password_hash"`
		Algorithm api.Text `json:"hashing_algorithm"`
	}
	guest, told, looked := false, 0, 0
	err := api.Each(ctx, c.o.Client, "/api/users", []string{"name", "password_hash", "hashing_algorithm"}, func(u *user) error {
		name := string(u.Name)
		if looked++; looked > maxUsers {
			return nil
		}
		found := guessed(name, string(u.Hash), string(u.Algorithm))
		guest = guest || name == "guest"
		if (found && told < maxGuessed) || name == "guest" {
			told++
			s.Send(defaultPassword, number(found), name, c.reach(name))
		}
		return nil
	})
	switch {
	case err == nil:
		sees("users", true, "")
		if !guest {
			s.Send(defaultPassword, 0, "guest", c.reach("guest"))
		}
		return nil
	case !withheld(err):
		return err
	}
	sees("users", false, "")
	return c.tryGuest(ctx, s)
}

// reach is from where a default password can be used. guest may come from the
// broker's machine alone, unless somebody changed loopback_users, which the
// API does not tell.
func (c *Collector) reach(user string) string {
	if user == "guest" && c.o.Local {
		return "local"
	}
	return "network"
}

// attempt is what the last log-in of guest came to.
type attempt struct {
	at       time.Time
	known    bool
	accepted bool
}

// tryGuest logs in as guest, now and then.
func (c *Collector) tryGuest(ctx context.Context, s *frame.Sink) error {
	if c.o.Guest == nil {
		return nil
	}
	if now := c.o.Now(); !c.guest.known || now.Sub(c.guest.at) >= guestEvery {
		err := c.o.Guest.Get(ctx, "/api/whoami", nil, &struct{ Name api.Text }{})
		if err != nil && !withheld(err) {
			return err
		}
		c.guest = attempt{at: now, known: true, accepted: err == nil}
	}
	s.Send(defaultPassword, number(c.guest.accepted), "guest", c.reach("guest"))
	return nil
}

// guessed tells whether a hash is that of a password that everybody tries
// first: base64 of a salt of four bytes and the digest of salt and password
// (rabbit_password, "Computing Password Hash" in its documentation).
func guessed(name, hash, algorithm string) bool {
	raw, err := base64.StdEncoding.DecodeString(hash)
	if err != nil || len(raw) < 5 {
		return false
	}
	salt, digest := raw[:4], raw[4:]
	for _, password := range []string{name, "guest", "admin", "rabbitmq", "rabbit", "password", "changeme"} {
		salted := append(append([]byte{}, salt...), password...)
		var is []byte
		switch algorithm {
		case "rabbit_password_hashing_sha256":
			sum := sha256.Sum256(salted)
			is = sum[:]
		case "rabbit_password_hashing_sha512":
			sum := sha512.Sum512(salted)
			is = sum[:]
		case "rabbit_password_hashing_md5":
			sum := md5.Sum(salted)
			is = sum[:]
		}
		if is != nil && subtle.ConstantTimeCompare(is, digest) == 1 {
			return true
		}
	}
	return false
}
