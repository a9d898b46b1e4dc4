package httpprobe

import (
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
)

// compressions lists how a body may be packed.
func compressions() []string { return []string{"gzip", "deflate", "br", "identity"} }

// unpack returns a reader of what is packed in r. As with blackbox_exporter
// what the answer says of its encoding does not matter: it is to be this one.
func unpack(compression string, r io.Reader) (io.Reader, error) {
	switch compression {
	case "gzip":
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return nil, notPacked(compression, err)
		}
		return &unpacker{compression, unpacked}, nil
	case "deflate":
		return &unpacker{compression, flate.NewReader(r)}, nil
	case "br":
		return &unpacker{compression, brotli.NewReader(r)}, nil
	default:
		return r, nil
	}
}

// unpacker gives errors of unpacking their words.
type unpacker struct {
	compression string
	io.Reader
}

func (u *unpacker) Read(b []byte) (int, error) {
	n, err := u.Reader.Read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader returns it bare
		err = notPacked(u.compression, err)
	}
	return n, err
}

func notPacked(compression string, err error) error {
	return &packedError{fmt.Errorf("the body is not packed with %s, or damaged: %w", compression, err)}
}

// packedError is an error of what the server sent, not of the connection.
type packedError struct{ error }

func (e *packedError) Unwrap() error { return e.error }
