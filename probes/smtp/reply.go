package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tocsin/internal/lazy"
)

// Bounds of a reply. RFC 5321, section 4.5.3.1.5, has lines of 512 bytes.
const (
	maxLine  = 4 << 10
	maxLines = 100
)

// A Reply is a server's answer to one command.
type Reply struct {
	Code   int      // from 200 to 599
	Status string   // the enhanced status code (RFC 3463), as 5.1.1; empty without one
	Lines  []string // the text of each line, without code and status; at least one
}

// Good tells whether the server has done as asked, or goes on (2xx and 3xx).
func (r *Reply) Good() bool { return r.Code >= 200 && r.Code < 400 }

// String returns the reply in one line, as logs of mail servers show it.
func (r *Reply) String() string {
	parts := append([]string{strconv.Itoa(r.Code), r.Status}, r.Lines...)
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// greylist matches what servers say that do not know the sender yet: Postgrey,
// milter-greylist, Exim, rspamd, OpenBSD's spamd, and RFC 6647, section 5.
var greylist = lazy.Regexp(`(?i)gr[ae]y.?-?list|(try|come).*(again|later)|retry`)

// Greylisted tells whether the server wants the same message again, later. It
// is no fault of the server when it says 450 or 451, and does not speak of its
// own system (x.3.x) or of a look-up that failed.
func (r *Reply) Greylisted() bool {
	text := strings.Join(r.Lines, " ")
	return (r.Code == 450 || r.Code == 451) && !strings.HasPrefix(r.Status, "4.3.") && !strings.Contains(strings.ToLower(text), "lookup") &&
		greylist().MatchString(text)
}

// errStrange is what Read's errors are for what is not SMTP.
var errStrange = errors.New("it does not speak SMTP")

// read reads a reply. Its error is the reader's, or errStrange.
// Source: RFC 5321, section 4.2.
func read(in *bufio.Reader) (*Reply, error) {
	r := &Reply{}
	for range maxLines {
		raw, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("%w: a line is longer than %d bytes", errStrange, maxLine)
		}
		if err != nil {
			return nil, err
		}
		line := strings.TrimRight(string(raw), "\r\n")
		code, last, text, ok := split(line)
		if !ok || r.Code != 0 && code != r.Code {
			return nil, fmt.Errorf("%w: it says %q", errStrange, line)
		}
		r.Code = code
		if status, rest := cutStatus(text); status != "" && status[0] == line[0] {
			r.Status, text = status, rest
		}
		r.Lines = append(r.Lines, text)
		if last {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%w: an answer has more than %d lines", errStrange, maxLines)
}

// split takes a line apart; last is false where a dash announces more.
func split(line string) (code int, last bool, text string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, false, "", false
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil || line[1] < '0' || line[1] > '9' {
		return 0, false, "", false
	}
	switch {
	case len(line) == 3:
		return code, true, "", true
	case line[3] == ' ', line[3] == '-':
		return code, line[3] == ' ', line[4:], true
	default:
		return 0, false, "", false
	}
}

var status = lazy.Regexp(`^([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +(.*))?$`)

func cutStatus(text string) (string, string) {
	if m := status().FindStringSubmatch(text); m != nil {
		return m[1], m[2]
	}
	return "", text
}
