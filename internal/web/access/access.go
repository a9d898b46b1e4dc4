package access

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// A Class says what a route does, and so who may use it. The zero value is the
// strictest.
type Class int

// The classes of routes.
const (
	Write  Class = iota // changes something: reload, silences, alerts
	Read                // tells what is measured
	Public              // tells no more than that a Tocsin runs
)

// Options are what an Access is made of. All are taken from one
// configuration; the next one gets an Access of its own.
type Options struct {
	Config Config
	// Advertise and ExternalURL are what the site file says of this
	// instance's address; Hostname is the machine's. They make the names that
	// are ours. Each may be empty.
	Advertise, ExternalURL, Hostname string

	Log *slog.Logger
	Now func() time.Time // nil: time.Now
}

// An Access decides about requests, under one configuration. It may be used
// from any goroutine.
type Access struct {
	config    Config
	hosts     map[string]bool // names that are ours, besides the loopback's
	origins   *http.CrossOriginProtection
	passwords *passwords // nil: there are no users
	tls       *tls.Config
}

// New reads the files that the configuration names and returns what decides
// from now on. All that is wrong is in its error.
func New(o Options) (*Access, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Access{config: o.Config, hosts: ownHosts(o), origins: http.NewCrossOriginProtection()}
	var wrong []error
	if u, err := url.Parse(o.ExternalURL); err == nil && u.Scheme != "" && u.Host != "" {
		if err := a.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			wrong = append(wrong, err)
		}
	}
	var err error
	if o.Config.UsersFile != "" {
		if a.passwords, err = newPasswords(o.Config.UsersFile, o.Log, o.Now); err != nil {
			wrong = append(wrong, err)
		} else if err := a.checkWriters(); err != nil {
			wrong = append(wrong, err)
		}
	}
	if o.Config.TLS.Enabled() {
		if a.tls, err = newTLS(o.Config.TLS, o.Log); err != nil {
			wrong = append(wrong, err)
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return a, nil
}

// checkWriters refuses a writer who is no user: nobody could write, and
// nobody would be told why.
func (a *Access) checkWriters() error {
	var wrong []error
	for _, name := range a.config.Writers {
		if _, ok := a.passwords.users[name]; !ok {
			wrong = append(wrong, errors.New("web.writers: "+name+" is no user of users_file"))
		}
	}
	return errors.Join(wrong...)
}

// TLS returns the listener's TLS, nil where it speaks plain HTTP. It stays the
// same for the life of the Access.
func (a *Access) TLS() *tls.Config { return a.tls }

// A Caller is who asks.
type Caller struct {
	// Name is the user's, or the certificate's common name; empty when nobody
	// was asked for.
	Name string
	// Known tells whether the caller proved who it is.
	Known bool
}

// A Refusal says why a request is not answered.
type Refusal struct {
	Status int    // of the answer
	Reason string // closed list, for a metric: credentials, busy, not_a_writer, host, cross_origin, not_local
	Text   string // for whoever asked; it tells nothing of the site
	// Challenge asks for the answer to invite for a user and password.
	Challenge bool
}

// Check tells who asks and, where the request is not to be answered, why.
func (a *Access) Check(r *http.Request, class Class) (Caller, *Refusal) {
	if class == Public {
		return Caller{}, nil
	}
	if class == Write {
		// Before the password: a browser sends one along by itself.
		if err := a.origins.Check(r); err != nil {
			return Caller{}, &Refusal{
				Status: http.StatusForbidden, Reason: "cross_origin",
				Text: "a page of another site may not write here",
			}
		}
	}
	caller, refusal := a.identify(r)
	if refusal != nil {
		return caller, refusal
	}
	if class == Read {
		return caller, a.mayRead(r, caller)
	}
	return caller, a.mayWrite(r, caller)
}

// identify returns who asks. Where there are users, only a user is somebody.
func (a *Access) identify(r *http.Request) (Caller, *Refusal) {
	if a.passwords == nil {
		if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			return Caller{Name: r.TLS.PeerCertificates[0].Subject.CommonName, Known: true}, nil
		}
		return Caller{}, nil
	}
	denied := &Refusal{
		Status: http.StatusUnauthorized, Reason: "credentials", Challenge: true,
		Text: "this needs a user and a password",
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		return Caller{}, denied
	}
	switch a.passwords.check(r.Context(), name, password) {
	case rightPassword:
		return Caller{Name: name, Known: true}, nil
	case tooBusy:
		return Caller{}, &Refusal{
			Status: http.StatusTooManyRequests, Reason: "busy",
			Text: "too many passwords are being checked, try again later",
		}
	default:
		denied.Text = "the user or the password is wrong"
		return Caller{}, denied
	}
}

func (a *Access) mayRead(r *http.Request, caller Caller) *Refusal {
	if caller.Known || a.readableAs(r) {
		return nil
	}
	return &Refusal{
		Status: http.StatusMisdirectedRequest, Reason: "host",
		Text: "this instance does not go by that name; if it should, add the name to web.hosts or set external_url in the site file",
	}
}

func (a *Access) mayWrite(r *http.Request, caller Caller) *Refusal {
	if caller.Known {
		if len(a.config.Writers) > 0 && !slices.Contains(a.config.Writers, caller.Name) {
			return &Refusal{Status: http.StatusForbidden, Reason: "not_a_writer", Text: "this user may read, not write"}
		}
		return nil
	}
	if why := a.notLocal(r); why != "" {
		return &Refusal{
			Status: http.StatusForbidden, Reason: "not_local",
			Text: "without users_file only a program on the same machine may write: " + why,
		}
	}
	return nil
}
