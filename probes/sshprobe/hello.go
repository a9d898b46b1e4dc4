package sshprobe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"sync"
	"time"
)

// Bounds of what a server says before anybody logs in: its version, its
// algorithms, and its half of the key exchange.
const (
	maxSaid  = 256 << 10
	maxNames = 32 << 10 // of all its algorithms
)

var errTooMuch = errors.New("the server says more than the probe reads")

// tap keeps what a server says.
type tap struct {
	net.Conn

	mu   sync.Mutex // guards what follows: the library reads in a goroutine of its own
	said []byte
	err  error // the first that ended the reading

	begun bool        // the version has come
	wait  *time.Timer // closes the connection if no version comes; nil: nothing else was said
}

// Read implements io.Reader.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil && len(t.said)+n > maxSaid {
		err, n = errTooMuch, 0
	}
	t.said = append(t.said, p[:n]...)
	if err == nil && !t.begun {
		if err = t.begins(); err != nil {
			n = 0 // else the library takes the byte and asks for more
		}
	}
	if err != nil && t.err == nil {
		t.err = err
	}
	return n, err
}

// begins looks at what comes before the version. The lock is held.
func (t *tap) begins() error {
	var never bool
	t.begun, never = before(t.said)
	switch {
	case never:
		return errOther
	case t.begun && t.wait != nil:
		t.wait.Stop()
	case !t.begun && t.wait == nil && !beginsSSH(t.said):
		t.wait = time.AfterFunc(beforeWait, func() { _ = t.Conn.Close() })
	}
	return nil
}

// Close implements net.Conn.
func (t *tap) Close() error {
	t.mu.Lock()
	if t.wait != nil {
		t.wait.Stop()
	}
	t.mu.Unlock()
	return t.Conn.Close()
}

func (t *tap) heard() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.said), t.err
}

// hello is how a server begins.
type hello struct {
	version  string // of the protocol: 2.0, or 1.99 of a server that speaks both
	software string // OpenSSH_9.2p1 Debian-2+deb12u10

	kex, hostKeys, ciphers, macs []string
}

// parse reads the version and the first packet, SSH_MSG_KEXINIT, as far as
// they have come.
//
// Source: RFC 4253, sections 4.2, 6 and 7.1.
func parse(said []byte) hello {
	var h hello
	for {
		line, rest, ok := bytes.Cut(said, []byte("\n"))
		if !ok {
			return h
		}
		said = rest
		if version, ok := strings.CutPrefix(strings.TrimRight(string(line), "\r"), "SSH-"); ok {
			h.version, h.software, _ = strings.Cut(version, "-")
			break
		}
	}
	const head, cookie, init = 5, 16, 20
	if len(said) < head {
		return h
	}
	size, padding := int(binary.BigEndian.Uint32(said)), int(said[4])
	if size > maxNames || len(said) < 4+size || size < 1+padding {
		return h
	}
	payload := said[head : 4+size-padding]
	if len(payload) < 1+cookie || payload[0] != init {
		return h
	}
	payload = payload[1+cookie:]
	// Key exchange, host keys, then ciphers and MACs, each in two directions.
	for i := range 6 {
		names, rest, ok := nameList(payload)
		if !ok {
			return h
		}
		payload = rest
		switch i {
		case 0:
			h.kex = names
		case 1:
			h.hostKeys = names
		case 2, 3:
			h.ciphers = append(h.ciphers, names...)
		default:
			h.macs = append(h.macs, names...)
		}
	}
	return h
}

// nameList reads a list of names, RFC 4251, section 5.
func nameList(b []byte) (names []string, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, false
	}
	list, rest := string(b[4:4+n]), b[4+n:]
	if list == "" {
		return nil, rest, true
	}
	return strings.Split(list, ","), rest, true
}
