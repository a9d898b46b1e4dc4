package sipprobe

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// Bounds of a message.
const (
	maxLine    = 8 << 10
	maxHeaders = 100
	maxBody    = 64 << 10
)

// question is one OPTIONS, and what its answer is known by.
type question struct {
	text           []byte
	branch, callID string
}

// cookie begins the branch of every transaction. Source: RFC 3261, section 8.1.1.7.
const cookie = "z9hG4bK"

// ask writes a question to uri, which conn leads to by a transport as Via
// names it.
//
// Source: RFC 3261, sections 8.1.1 and 11.1; RFC 3581 for rport.
func ask(uri, transport string, local net.Addr) question {
	q := question{branch: cookie + rand.Text(), callID: rand.Text()}
	scheme, _, _ := strings.Cut(uri, ":") // sips wants a Contact of sips, section 8.1.1.8
	var b bytes.Buffer
	for _, line := range []string{
		"OPTIONS " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=%s;rport", transport, local, q.branch),
		"Max-Forwards: 70",
		fmt.Sprintf("From: <sip:tocsin@%s>;tag=%s", local, rand.Text()),
		"To: <" + uri + ">",
		"Call-ID: " + q.callID,
		"CSeq: 1 OPTIONS",
		fmt.Sprintf("Contact: <%s:tocsin@%s>", scheme, local),
		"Accept: application/sdp",
		"User-Agent: Tocsin",
		"Content-Length: 0",
	} {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	q.text = b.Bytes()
	return q
}

// answer is one message of a server.
type answer struct {
	status           int // 0: it is no answer but a question of its own
	phrase, software string
	branch, callID   string
	cseq             string
}

// answers tells whether a is to q.
func (a *answer) answers(q *question) bool {
	return a.status != 0 && a.branch == q.branch && a.callID == q.callID && a.cseq == "1 OPTIONS"
}

// compact are the short forms of the headers that are read. Source: RFC 3261,
// section 7.3.3.
func compact(name string) string {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "v":
		return "via"
	case "i":
		return "call-id"
	case "l":
		return "content-length"
	default:
		return name
	}
}

// errNotSIP says that something else answers.
var errNotSIP = errors.New("the server does not speak SIP")

// read reads one message.
func read(in *bufio.Reader) (answer, error) {
	var a answer
	first := ""
	for first == "" { // keep-alives, RFC 5626, section 4.4.1
		line, err := line(in)
		if err != nil {
			return a, err
		}
		first = line
	}
	if version, rest, _ := strings.Cut(first, " "); strings.EqualFold(version, "SIP/2.0") {
		code, phrase, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(code)
		if err != nil || n < 100 || n > 699 || len(code) != 3 {
			return a, fmt.Errorf("%w: it begins with %q", errNotSIP, short(first))
		}
		a.status, a.phrase = n, phrase
	} else if !strings.HasSuffix(first, " SIP/2.0") {
		return a, fmt.Errorf("%w: it begins with %q", errNotSIP, short(first))
	}
	length, err := a.headers(in)
	if err != nil {
		return a, err
	}
	_, err = in.Discard(length)
	return a, err
}

// headers reads up to the empty line, and returns how long the body is.
func (a *answer) headers(in *bufio.Reader) (int, error) {
	length := 0
	for range maxHeaders {
		text, err := line(in)
		if err != nil {
			return 0, err
		}
		if text == "" {
			return length, nil
		}
		if text[0] == ' ' || text[0] == '\t' {
			continue // the rest of a folded one; none of ours is that long
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return 0, fmt.Errorf("%w: a header is %q", errNotSIP, short(text))
		}
		value = strings.TrimSpace(value)
		switch compact(name) {
		case "via":
			if a.branch == "" { // the first is ours
				a.branch = branch(value)
			}
		case "call-id":
			a.callID = value
		case "cseq":
			a.cseq = strings.Join(strings.Fields(value), " ")
		case "server":
			a.software = value
		case "user-agent":
			if a.software == "" {
				a.software = value
			}
		case "content-length":
			if length, err = strconv.Atoi(value); err != nil || length < 0 || length > maxBody {
				return 0, fmt.Errorf("%w: it announces a body of %q bytes", errNotSIP, short(value))
			}
		default:
		}
	}
	return 0, fmt.Errorf("%w: it sends more than %d headers", errNotSIP, maxHeaders)
}

// branch is a parameter of Via.
func branch(via string) string {
	via, _, _ = strings.Cut(via, ",")
	for _, part := range strings.Split(via, ";")[1:] {
		if name, value, _ := strings.Cut(part, "="); strings.EqualFold(strings.TrimSpace(name), "branch") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func line(in *bufio.Reader) (string, error) {
	b, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", fmt.Errorf("%w: a line is longer than %d bytes", errNotSIP, maxLine)
	}
	if err != nil {
		if errors.Is(err, io.EOF) && len(b) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func short(text string) string { return text[:min(len(text), 60)] }
