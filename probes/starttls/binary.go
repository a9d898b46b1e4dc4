package starttls

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Source: PostgreSQL's manual, "SSL Session Encryption" in the message flow.
func (t *talk) postgres() error {
	if _, err := t.conn.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return err
	}
	b, err := t.in.ReadByte()
	switch {
	case err != nil:
		return err
	case b == 'S':
		return nil
	case b == 'N':
		return refused("the server has no TLS (ssl is off)")
	default:
		return strange("the server answers with the byte %q, not as PostgreSQL does", b)
	}
}

// Source: MySQL's manual, "Protocol::SSLRequest".
func (t *talk) mysql() error {
	const ssl, protocol41, secureConnection, maxPacket = 0x0800, 0x0200, 0x8000, 1 << 24
	var head [4]byte
	if _, err := io.ReadFull(t.in, head[:]); err != nil {
		return err
	}
	length := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if length < 1 || length > maxLine {
		return strange("the server does not greet as MySQL does")
	}
	greeting := make([]byte, length)
	if _, err := io.ReadFull(t.in, greeting); err != nil {
		return err
	}
	if greeting[0] == 0xff {
		return strange("the server greets with an error: %q", bytes.TrimLeft(greeting[min(3, len(greeting)):], "\x00"))
	}
	end := bytes.IndexByte(greeting, 0) // of the version
	if greeting[0] != 10 || end < 0 || len(greeting) < end+1+4+8+1+2 {
		return strange("the server does not greet as MySQL does")
	}
	if binary.LittleEndian.Uint16(greeting[end+1+4+8+1:])&ssl == 0 {
		return refused("the server has no TLS (have_ssl is not YES)")
	}
	request := make([]byte, 4+32)
	request[0], request[3] = 32, head[3]+1
	binary.LittleEndian.PutUint32(request[4:], ssl|protocol41|secureConnection)
	binary.LittleEndian.PutUint32(request[8:], maxPacket)
	request[12] = 45 // utf8mb4
	_, err := t.conn.Write(request)
	return err
}

// oid names the operation StartTLS.
//
// Source: RFC 4511, section 4.14.
const oid = "1.3.6.1.4.1.1466.20037"

func (t *talk) ldap() error {
	request := append([]byte{0x30, byte(7 + len(oid)), 2, 1, 1, 0x77, byte(2 + len(oid)), 0x80, byte(len(oid))}, oid...)
	if _, err := t.conn.Write(request); err != nil {
		return err
	}
	answer, err := t.element(0x30)
	if err != nil {
		return err
	}
	// The message's number, the operation, and in it the result code.
	result, ok := operation(answer)
	if !ok || len(result) < 3 || result[0] != 0x0a || result[1] != 1 {
		return strange("the server does not answer as LDAP does")
	}
	if code := result[2]; code != 0 {
		return refused("the server answers StartTLS with the result code %d", code)
	}
	return nil
}

// element reads one BER element with a tag, whose length is bounded, and
// returns its content.
func (t *talk) element(tag byte) ([]byte, error) {
	first, err := t.in.ReadByte()
	if err != nil {
		return nil, err
	}
	if first != tag {
		return nil, strange("the server does not answer as LDAP does")
	}
	length, err := t.in.ReadByte()
	if err != nil {
		return nil, err
	}
	n := int(length)
	if length&0x80 != 0 {
		n = 0
		if length&0x7f > 3 {
			return nil, strange("the server announces an answer that is too long")
		}
		for range length & 0x7f {
			b, err := t.in.ReadByte()
			if err != nil {
				return nil, err
			}
			n = n<<8 | int(b)
		}
	}
	if n > maxWhole {
		return nil, strange("the server announces an answer of %d bytes", n)
	}
	content := make([]byte, n)
	_, err = io.ReadFull(t.in, content)
	return content, err
}

// operation returns the content of the operation of an LDAP message: what
// follows its number.
func operation(message []byte) ([]byte, bool) {
	if len(message) < 2 || message[0] != 2 || int(message[1]) > len(message)-2 {
		return nil, false
	}
	b := message[2+int(message[1]):]
	switch {
	case len(b) < 2 || b[0] != 0x78:
		return nil, false
	case b[1]&0x80 == 0:
		return b[2:], true
	case int(b[1]&0x7f)+2 <= len(b):
		return b[2+int(b[1]&0x7f):], true
	default:
		return nil, false
	}
}
