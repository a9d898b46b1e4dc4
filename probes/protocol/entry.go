package protocol

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/tlscheck"
)

// An Entry is what an entry of the site file says that means the same in every
// protocol, and what the prober is to use.
type Entry struct {
	Scheme   *Scheme
	URL      *url.URL // the target; without credentials
	TLS      *tlscheck.Config
	StartTLS bool
	Closed   bool // the target must not answer
	Login    *Login
	Timeout  time.Duration

	// What follows is set when a prober is built.
	Dial dial.Options
	Now  func() time.Time // the time that certificates are verified at; nil is time.Now
}

// Host returns the target's host, without brackets and port.
func (e *Entry) Host() string { return e.URL.Hostname() }

// Port returns the target's port, or else the scheme's.
func (e *Entry) Port() uint16 {
	if n, err := strconv.ParseUint(e.URL.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	return e.Scheme.Port
}

// Address returns host and port as people write them.
func (e *Entry) Address() string {
	host := e.Host()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, e.Port())
}

// Shown returns the target as results show it.
func (e *Entry) Shown() string { return e.Scheme.Name + "://" + e.Address() }

// TLSOptions returns how TLS is to be negotiated.
func (e *Entry) TLSOptions() (tlscheck.Options, error) {
	o, err := e.TLS.Options()
	o.Now = e.Now
	return o, err
}

// A Login is who asks. It is the part of an entry that protocols share which
// let somebody log in.
type Login struct {
	// Username is who logs in to the target; never sent on to another host
	// that it redirects to.
	Username string `yaml:"username,omitempty"`
	// Password is the password of `username`.
	Password     secret.Text `yaml:"password,omitempty"`
	PasswordFile string      `yaml:"password_file,omitempty"`
}

// IsZero tells whether nobody logs in.
func (l *Login) IsZero() bool {
	return l.Username == "" && l.Password.IsZero() && l.PasswordFile == ""
}

// Secret is where the password comes from.
func (l *Login) Secret() secret.Source {
	return secret.Source{Value: l.Password, File: l.PasswordFile}
}

// Validate adds what is wrong with the keys.
func (l *Login) Validate(p problem.List) {
	Twins(p, "password", l.Password, l.PasswordFile)
	if l.Username == "" && !l.Secret().IsZero() {
		p.At("username").Addf("a password needs a username; write the name it belongs to")
	}
}

// Twins refuses a secret that stands in the entry and in a file.
func Twins(p problem.List, key string, value secret.Text, file string) {
	if !value.IsZero() && file != "" {
		p.At(key).Addf("stands in %s and in %s_file; keep one of them", key, key)
	}
}
