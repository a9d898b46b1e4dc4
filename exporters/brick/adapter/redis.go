package adapter

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"tocsin/bricks"
	"tocsin/internal/lazy"
)

// redis asks INFO over Redis' own protocol.
type redis struct {
	network, address string
	access           bricks.Access
	tls              *tls.Config // nil: plain
}

func newRedis(address string, access bricks.Access, caFile string) (*redis, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("request has an address that is no URL")
	}
	r := &redis{network: "tcp", address: u.Host, access: access}
	if u.Scheme == "unix" {
		r.network, r.address = "unix", u.Path+u.Opaque
	} else if u.Port() == "" {
		r.address = u.Hostname() + ":6379"
	}
	if u.Scheme == "rediss" {
		if r.tls, err = trust(caFile); err != nil {
			return nil, err
		}
		r.tls.ServerName = u.Hostname()
	}
	return r, nil
}

// Ask implements Asker. The answer is that of INFO, with the length of the
// slow log as one more line where this user may ask for it.
func (r *redis) Ask(ctx context.Context) (Raw, error) {
	password, err := credential(r.access.Password)
	if err != nil {
		return Raw{}, err
	}
	conn, err := connect(ctx, r.network, r.address)
	if err != nil {
		return Raw{}, err
	}
	defer conn.Close()
	s := &session{w: conn, r: bufio.NewReader(io.LimitReader(conn, MaxAnswer+1))}
	if r.tls != nil {
		secure := tls.Client(conn, r.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return Raw{}, network(err, "")
		}
		s = &session{w: secure, r: bufio.NewReader(io.LimitReader(secure, MaxAnswer+1))}
	}
	if !password.IsZero() {
		login := []string{"AUTH", password.Reveal()}
		if r.access.Username != "" {
			login = []string{"AUTH", r.access.Username, password.Reveal()}
		}
		if _, err := s.ask(login...); err != nil {
			return Raw{}, err
		}
	}
	pong, err := s.ask("PING")
	if err != nil {
		return Raw{}, err
	}
	if string(pong) != "PONG" {
		return Raw{}, fail(bricks.Unparsable, "it does not answer PING with PONG")
	}
	body, err := s.ask("INFO", "all")
	if err != nil {
		return Raw{}, err
	}
	if n, err := s.ask("SLOWLOG", "LEN"); err == nil { // it may not be allowed to ask
		body = fmt.Appendf(body, "\r\nslowlog_length:%s\r\n", n)
	}
	return Raw{Body: body}, nil
}

// session is one conversation in RESP.
type session struct {
	w io.Writer
	r *bufio.Reader
}

// ask sends a command and returns its simple, integer or bulk reply.
func (s *session) ask(words ...string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := s.w.Write(b.Bytes()); err != nil {
		return nil, network(err, "")
	}
	line, err := s.r.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, fail(bricks.Unparsable, "it does not speak Redis' protocol on this port")
		}
		return nil, network(err, "")
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return nil, fail(bricks.Unparsable, "it does not speak Redis' protocol on this port")
	}
	switch rest := string(line[1:]); line[0] {
	case '+', ':':
		return []byte(rest), nil
	case '-':
		return nil, refusal(rest)
	case '$':
		return s.bulk(rest)
	}
	return nil, fail(bricks.Unparsable, "it does not speak Redis' protocol on this port")
}

func (s *session) bulk(length string) ([]byte, error) {
	n, err := strconv.Atoi(length)
	switch {
	case err != nil || n < 0:
		return nil, fail(bricks.Unparsable, "its answer has no length")
	case n > MaxAnswer:
		return nil, fail(bricks.TooLarge, "its answer is larger than %d MiB", MaxAnswer>>20)
	}
	body := make([]byte, n+2)
	if _, err := io.ReadFull(s.r, body); err != nil {
		return nil, network(err, "reading the answer")
	}
	return body[:n], nil
}

// refusal tells an error reply by its code: the text behind may repeat what
// was sent.
func refusal(text string) *Failure {
	code, _, _ := strings.Cut(text, " ")
	switch code {
	case "NOAUTH", "DENIED", "NOPERM", "WRONGPASS":
		return fail(bricks.Denied, "it refuses access (%s)", code)
	case "LOADING":
		return fail(bricks.Unhealthy, "it still loads its data (LOADING)")
	case "ERR":
		return fail(bricks.Denied, "it refuses the command or the password (ERR)")
	case "MASTERDOWN", "BUSY", "MISCONF":
		return fail(bricks.Unhealthy, "it answers %s", code)
	}
	return fail(bricks.Failed, "it answers with an error")
}

var (
	number = lazy.Regexp(`^-?\d{1,19}(\.\d+)?$`)
	pairs  = lazy.Regexp(`^[\w.-]+=[^,=]*(,[\w.-]+=[^,=]*)*$`)
)

// info reads the lines of INFO: numbers as numbers, lists of key=value as
// objects, all else as text.
func info(body []byte) (any, error) {
	out := map[string]any{}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		key, value, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if pairs().MatchString(value) && len(value) < 4096 {
			object := map[string]any{}
			for pair := range strings.SplitSeq(value, ",") {
				k, v, _ := strings.Cut(pair, "=")
				object[k] = scalar(v)
			}
			out[key] = object
			continue
		}
		out[text([]byte(key))] = scalar(value)
	}
	if _, ok := out["redis_version"]; !ok {
		return nil, fail(bricks.Unparsable, "its answer to INFO has no redis_version")
	}
	return out, nil
}

func scalar(value string) any {
	if number().MatchString(value) {
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			return n
		}
	}
	return text([]byte(value))
}
