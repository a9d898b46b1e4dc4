package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/secret"
)

const (
	userAgent = "Tocsin (monitoring)"
	maxHeader = 64 << 10
	dialTime  = 5 * time.Second
)

// Options say whom a Client asks.
type Options struct {
	// URL is the management API's, without /api; or the plugin's page.
	URL string
	// Username may be empty: then nobody logs in.
	Username string
	Password secret.Source
	// CAFile has the authorities to trust in place of the system's.
	CAFile string
	// Timeout is how long one answer may take, its body included.
	Timeout time.Duration
	// Coy sends the password only to a server that has asked for it, as the
	// plugin's page seldom does.
	Coy bool
}

// A Client asks one broker. It may be used from several goroutines.
type Client struct {
	opts Options
	base string
	http *http.Client
	// challenged is whether the server wants a log-in, where the client is coy.
	challenged atomic.Bool
}

// New makes a client. It asks nothing; its only error is a CAFile that is none.
func New(o Options) (*Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: %s has no certificate in it", o.CAFile)
		}
	}
	return &Client{
		opts: o, base: strings.TrimRight(o.URL, "/"),
		http: &http.Client{
			Transport: &http.Transport{
				DialContext:            (&net.Dialer{Timeout: dialTime}).DialContext,
				TLSClientConfig:        config,
				ForceAttemptHTTP2:      true,
				MaxResponseHeaderBytes: maxHeader,
				MaxIdleConnsPerHost:    2,
				IdleConnTimeout:        2 * time.Minute,
				TLSHandshakeTimeout:    dialTime,
				DisableCompression:     true, // costs the broker more than it saves a LAN
			},
			// A log-in must not travel to wherever an answer points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Open asks for a path below the client's URL, as /api/overview, and returns
// the body of an answer with status 200. It reads at most limit bytes; one
// more is an error of the reader. The caller closes it.
func (c *Client) Open(ctx context.Context, path string, query url.Values, accept string, limit int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	resp, err := c.do(ctx, path, query, accept)
	if err != nil {
		cancel()
		return nil, err
	}
	if err := c.judge(resp); err != nil {
		resp.Body.Close()
		cancel()
		return nil, err
	}
	return &body{ReadCloser: resp.Body, cancel: cancel, left: limit, limit: limit}, nil
}

func (c *Client) do(ctx context.Context, path string, query url.Values, accept string) (*http.Response, error) {
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return nil, errors.New("its address is no URL")
		}
		req.Header.Set("User-Agent", userAgent)
		req.Header.Set("Accept", accept)
		login := c.opts.Username != "" && (!c.opts.Coy || c.challenged.Load())
		if login {
			password, err := c.opts.Password.Read()
			if err != nil {
				return nil, frame.Fail(frame.ReasonPermission, err)
			}
			req.SetBasicAuth(c.opts.Username, password.Reveal())
		}
		resp, err := c.http.Do(req)
		if err != nil {
			return nil, unanswered(err)
		}
		if resp.StatusCode != http.StatusUnauthorized || login || c.opts.Username == "" {
			return resp, nil
		}
		resp.Body.Close()
		c.challenged.Store(true)
	}
}

// body is an answer's body with its bounds.
type body struct {
	io.ReadCloser
	cancel      context.CancelFunc
	left, limit int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, frame.Fail(frame.ReasonError, fmt.Errorf("its answer is larger than %d MiB", b.limit>>20))
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unanswered(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
