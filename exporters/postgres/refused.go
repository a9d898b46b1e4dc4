package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"tocsin/internal/frame"
)

// refused says in words what the server or the way to it answered. The
// server's own text may hold data, so its code alone is told
// (PostgreSQL's manual, appendix A).
func refused(err error) error {
	if err == nil {
		return nil
	}
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return unreachable(err)
	}
	code := server.Code
	reason, text := frame.ReasonError, "the server answers with an error"
	switch {
	case code == "28P01":
		reason, text = frame.ReasonRefused, "the server refuses the password of this user, or the user: see password_file, and the server's log"
	case code[:min(2, len(code))] == "28":
		reason, text = frame.ReasonRefused, "the server refuses this user from here: it may not log in, does not exist, shows no certificate that it knows, or pg_hba.conf has no line for it; see the server's log"
	case code == "42501":
		reason, text = frame.ReasonPermission, "this user may not read it: GRANT pg_monitor TO the user"
	case code == "3D000":
		reason, text = frame.ReasonRefused, "there is no such database"
	case code == "57014":
		reason, text = frame.ReasonTimeout, fmt.Sprintf("it takes longer than %s", patience)
	case code == "55P03":
		reason, text = frame.ReasonTimeout, fmt.Sprintf("what it reads is locked for longer than %s: see pg_locks for an AccessExclusiveLock", lockPatience)
	case code == "53300":
		reason, text = frame.ReasonRefused, "the server has no connection left: max_connections, or the limit of the role or the database, is used up"
	case code[:min(2, len(code))] == "53":
		reason, text = frame.ReasonRefused, "the server has no memory or no space left"
	case code[:min(2, len(code))] == "57":
		reason, text = frame.ReasonUnreachable, "the server is starting, recovering or shutting down, or an administrator ended the connection"
	case code == "08P01":
		reason, text = frame.ReasonRefused, "it is no PostgreSQL, or a pooler (PgBouncer) that takes no settings for the session: give the address of the server itself"
	case code == "42704", code == "22023":
		text = "the server does not know a word or a value of the dsn"
	}
	return frame.Fail(reason, fmt.Errorf("%s (%s)", text, code))
}

// unreachable says why there was no answer at all.
func unreachable(err error) error {
	var name *net.DNSError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var long *pgproto3.ExceededMaxBodyLenErr
	text := "the server does not answer"
	reason := frame.ReasonUnreachable
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), pgconn.Timeout(err):
		reason, text = frame.ReasonTimeout, "the server did not answer in time"
	case errors.As(err, &long):
		reason, text = frame.ReasonRefused, fmt.Sprintf("it is no PostgreSQL, or it announces a message of more than %d MiB", maxMessage>>20)
	case errors.As(err, &name):
		text = "its name cannot be resolved"
	case errors.As(err, &authority):
		reason, text = frame.ReasonRefused, "its certificate comes from an authority that is not known here: name the authority's file as sslrootcert"
	case errors.As(err, &hostname):
		reason, text = frame.ReasonRefused, "its certificate is for another name than host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		reason, text = frame.ReasonRefused, "its certificate has expired, or is not valid yet"
	case errors.As(err, &invalid):
		reason, text = frame.ReasonRefused, "its certificate is not valid"
	case errors.As(err, &alert):
		reason, text = frame.ReasonRefused, "it ends the TLS handshake: it may want another client certificate (sslcert, sslkey)"
	case errors.As(err, &record), strings.Contains(err.Error(), "server refused TLS connection"):
		reason, text = frame.ReasonRefused, "the server has no TLS: it is off there, or sslmode asks too much"
	case strings.Contains(err.Error(), "SCRAM"), strings.Contains(err.Error(), "channel binding"):
		reason, text = frame.ReasonRefused, "the server does not prove that it knows the password (SCRAM), or wants another way to log in"
	case errors.Is(err, syscall.ECONNREFUSED):
		text = "nothing listens at its address"
	case errors.Is(err, fs.ErrNotExist):
		text = "its socket is not there: it does not run, or host or port is another"
	case errors.Is(err, fs.ErrPermission):
		reason, text = frame.ReasonPermission, "its socket may not be opened by this program's user"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		text = "there is no way to its address"
	case errors.Is(err, pgconn.ErrStandbyConnection), errors.Is(err, pgconn.ErrPrimaryConnection),
		errors.Is(err, pgconn.ErrReadOnlyConnection), errors.Is(err, pgconn.ErrReadWriteConnection):
		reason, text = frame.ReasonRefused, "no host of the dsn is what target_session_attrs asks for"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		text = "the connection was ended by the other side"
	}
	return frame.Fail(reason, errors.New(text))
}

// unreadable says what is wrong with what the DSN names. pgx's own text may
// show the DSN.
func unreadable(err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("dsn: cannot read %s: %w", file.Path, file.Err)
	}
	for _, known := range [][2]string{
		{"unable to find service", "dsn: its service is not in the service file"},
		{"failed to read service", "dsn: the service file (PGSERVICEFILE, ~/.pg_service.conf) cannot be read"},
		{"unable to add CA", "dsn: sslrootcert has no certificate in it"},
		{"failed to decode sslkey", "dsn: sslkey is no private key in PEM form"},
		{"unable to load cert", "dsn: sslcert and sslkey do not belong together"},
		{"unable to find sslpassword", "dsn: sslkey has a password; give one without, readable by tocsin alone"},
	} {
		if strings.Contains(err.Error(), known[0]) {
			return errors.New(known[1])
		}
	}
	return errors.New("dsn: it cannot be read; " + example)
}

// refused is the function, with the very words that mend a missing right.
func (c *conn) refused(err error) error {
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "42501" {
		return c.mayNot()
	}
	return refused(err)
}

// mayNot names the right that the role lacks.
func (c *conn) mayNot() error {
	if c.version < v10 {
		return frame.Fail(frame.ReasonPermission, fmt.Errorf("before PostgreSQL 10 only a superuser may read all of it; %s is none", quoted(c.user)))
	}
	return frame.Fail(frame.ReasonPermission, fmt.Errorf("this user may not read all of it: GRANT pg_monitor TO %s", quoted(c.user)))
}

// lacks tells that an answer is not whole.
func (c *conn) lacks(q *query) error {
	if q.allStats && !c.seesAll {
		return c.mayNot()
	}
	return nil
}

// missing tells that an extension was not created.
func (c *conn) missing(extension string) error {
	return frame.Fail(frame.ReasonRefused, fmt.Errorf("the extension is missing in database %s: CREATE EXTENSION %s", quoted(c.pgx.Config().Database), quoted(extension)))
}

// quoted is a name as SQL writes it.
func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
