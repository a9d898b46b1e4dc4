package tlscheck

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"sync"

	"tocsin/internal/secret"
)

// maxClient bounds the files of a client's certificate and of its key.
const maxClient = 1 << 20

// A Client is the certificate that a probe shows. Its files are read again at
// every use, so that a renewed one needs no reload.
type Client struct {
	certFile, keyFile string

	mu   sync.Mutex // guards what follows
	last [2]string  // the files' texts as they were read
	pair tls.Certificate
}

// LoadClient reads a certificate and its key; for empty names it returns nil.
// Its error names the key of the configuration that is wrong.
func LoadClient(certFile, keyFile string) (*Client, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil //nolint:nilnil // no client certificate, and nothing wrong
	}
	c := &Client{certFile: certFile, keyFile: keyFile}
	if _, err := c.current(); err != nil {
		return nil, err
	}
	return c, nil
}

// NewClient makes a client of a certificate that is given as PEM texts.
func NewClient(cert string, key secret.Text) (*Client, error) {
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	return &Client{pair: pair}, nil
}

// current returns the certificate as the files have it now.
func (c *Client) current() (*tls.Certificate, error) {
	if c.certFile == "" {
		return &c.pair, nil
	}
	cert, err := readBounded(c.certFile)
	if err != nil {
		return nil, fmt.Errorf("cert_file: %w", err)
	}
	key, err := readBounded(c.keyFile)
	if err != nil {
		return nil, fmt.Errorf("key_file: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := [2]string{cert, key}; now != c.last {
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			return nil, fmt.Errorf("cert_file: %w", err)
		}
		c.last, c.pair = now, pair
	}
	pair := c.pair
	return &pair, nil
}

func readBounded(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxClient+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	if len(b) > maxClient {
		return "", fmt.Errorf("%s is larger than %d bytes", file, maxClient)
	}
	return string(b), nil
}
