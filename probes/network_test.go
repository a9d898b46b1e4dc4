package probes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
)

// TestFailures is the table of acceptance test 8: what can go wrong on the
// network and in an answer, each with its reason and its place.
func TestFailures(t *testing.T) {
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	leaf := root.Leaf(t, probetest.Spec{})
	authorities := probetest.WritePEM(t, root)
	const short = model.Duration(400 * time.Millisecond)
	say := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			probetest.ReadRequest(c)
			_, _ = io.WriteString(c, text)
		}
	}
	// answer says text whatever came, as a server does that was spoken to in
	// another language.
	answer := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, text)
		}
	}
	endless := func(before, again string) func(net.Conn) {
		return func(c net.Conn) {
			probetest.ReadRequest(c)
			_, err := io.WriteString(c, before)
			for err == nil {
				_, err = io.WriteString(c, again)
			}
		}
	}
	https := func(t *testing.T, talk func(net.Conn)) Config {
		return Config{Target: "https://" + probetest.TLS(t, leaf, talk)}
	}
	raw := func(scheme string, talk func(net.Conn)) func(t *testing.T) Config {
		return func(t *testing.T) Config { return Config{Target: scheme + "://" + probetest.TCP(t, talk)} }
	}
	tls := func(talk func(net.Conn)) func(t *testing.T) Config {
		return func(t *testing.T) Config { return https(t, talk) }
	}
	handler := func(h http.HandlerFunc) func(t *testing.T) Config {
		return func(t *testing.T) Config { return Config{Target: probetest.HTTPS(t, leaf, h).URL} }
	}
	quick := func(make func(t *testing.T) Config) func(t *testing.T) Config {
		return func(t *testing.T) Config {
			c := make(t)
			c.Timeout = short
			return c
		}
	}
	refused := func(scheme string) func(t *testing.T) Config {
		return func(t *testing.T) Config {
			return Config{Target: fmt.Sprintf("%s://127.0.0.1:%d", scheme, testenv.Port(t))}
		}
	}
	nothing := func(context.Context, string) ([]netip.Addr, error) { return nil, nil }

	for _, c := range []struct {
		name   string
		config func(t *testing.T) Config
		opts   Options
		reason probe.Reason
		phase  string
		says   string
	}{
		{
			"unknown name", func(*testing.T) Config { return Config{Target: "https://portail.example"} },
			Options{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}},
			probe.DNS, "resolve", "portail.example does not exist",
		},
		{
			"name server fails", func(*testing.T) Config { return Config{Target: "https://portail.example"} },
			Options{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
				return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
			}},
			probe.DNS, "resolve", "answered with an error",
		},
		{
			"name without an address", func(*testing.T) Config { return Config{Target: "https://portail.example"} },
			Options{Lookup: nothing},
			probe.DNS, "resolve", "has no address",
		},
		{
			"name server hangs", quick(func(*testing.T) Config { return Config{Target: "https://portail.example"} }),
			Options{Lookup: func(ctx context.Context, _ string) ([]netip.Addr, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}},
			probe.Timeout, "resolve", "looking up portail.example",
		},
		{
			"wrong family", func(*testing.T) Config { return Config{Target: "https://127.0.0.1", IPVersion: 6} },
			Options{},
			probe.DNS, "resolve", "no IPv6 address",
		},
		{"refused", refused("https"), Options{}, probe.Refused, "connect", "refused"},
		{"refused, http", refused("http"), Options{}, probe.Refused, "connect", "refused"},
		{
			"unreachable", func(*testing.T) Config { return Config{Target: "https://192.0.2.1"} },
			Options{Dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}
			}},
			probe.Unreachable, "connect", "no route to host",
		},
		{
			"connecting hangs", quick(func(*testing.T) Config { return Config{Target: "https://192.0.2.1"} }),
			Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}},
			probe.Timeout, "connect", "connecting",
		},
		{"forbidden address", handler(ok), Options{AllowAddress: func(a netip.Addr) error {
			return errors.New("loopback addresses are for those who are named")
		}}, probe.BlockedAddress, "connect", "127.0.0.1: loopback"},

		{"TLS hangs", quick(raw("https", probetest.Hang)), Options{}, probe.Timeout, "tls", "negotiating TLS"},
		{"TLS is cut", raw("https", answer("")), Options{}, probe.Reset, "tls", "closed the connection"},
		{"TLS is reset", raw("https", func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)); probetest.Reset(c) }), Options{}, probe.Reset, "tls", ""},
		{"plain HTTP on 443", raw("https", answer("HTTP/1.1 400 Bad Request\r\n\r\n")), Options{}, probe.Protocol, "tls", "plain HTTP"},
		{"SSH on 443", raw("https", answer("SSH-2.0-OpenSSH_9.2\r\n")), Options{}, probe.Protocol, "tls", "does not speak TLS"},

		{"answer hangs", quick(tls(probetest.Hang)), Options{}, probe.Timeout, "processing", "waiting for the answer"},
		{"answer hangs, http", quick(raw("http", probetest.Hang)), Options{}, probe.Timeout, "processing", "waiting for the answer"},
		{"header hangs half-way", quick(tls(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nServ")
			probetest.Hang(c)
		})), Options{}, probe.Timeout, "processing", ""},
		{"no answer", tls(probetest.ReadRequest), Options{}, probe.Reset, "processing", "without an answer"},
		{"reset before the answer", tls(func(c net.Conn) { probetest.ReadRequest(c); probetest.Reset(c) }), Options{}, probe.Reset, "processing", ""},
		{"not HTTP", tls(say("220 mail.example ESMTP\r\n")), Options{}, probe.Protocol, "processing", "does not speak HTTP"},
		{"SSH on an http target, which speaks first", raw("http", func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n")
			probetest.Hang(c)
		}), Options{}, probe.Protocol, "processing", "does not speak HTTP"},
		{"TLS on an http target", raw("http", answer("\x15\x03\x01\x00\x02\x02\x46")), Options{}, probe.Protocol, "processing", "https://"},
		{"Go's TLS server on an http target", func(t *testing.T) Config {
			return Config{Target: strings.Replace(handler(ok)(t).Target, "https", "http", 1)}
		}, Options{}, probe.Protocol, "processing", "wants TLS"},
		{"endless header", tls(endless("HTTP/1.1 200 OK\r\n", "X-More: "+strings.Repeat("x", 1000)+"\r\n")), Options{}, probe.TooLarge, "processing", "header is longer"},
		{"endless header line", tls(endless("HTTP/1.1 200 OK\r\nX-More: ", strings.Repeat("x", 1000))), Options{}, probe.TooLarge, "processing", ""},
		{"endless interim answers", tls(endless("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")), Options{}, probe.TooLarge, "processing", ""},

		{"body hangs", quick(tls(func(c net.Conn) {
			say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel")(c)
			probetest.Hang(c)
		})), Options{}, probe.Timeout, "transfer", "reading the body, after 3 bytes"},
		{"body is cut", tls(say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel")), Options{}, probe.Truncated, "transfer", "after 3 bytes"},
		{"chunked body is cut", tls(say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")), Options{}, probe.Truncated, "transfer", ""},
		{"chunks are nonsense", tls(say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), Options{}, probe.Protocol, "transfer", ""},
		{"10 GB announced", tls(say("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")), Options{}, probe.TooLarge, "transfer", "10000000000 bytes long"},
		{"endless body", tls(endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 64<<10))), Options{}, probe.TooLarge, "transfer", "longer than 10485760"},
		{"endless body over HTTP/2", handler(func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 64<<10))
			}
		}), Options{}, probe.TooLarge, "transfer", "longer than"},
		{"HTTP/2 stream is reset", handler(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), Options{}, probe.Reset, "processing", ""},

		{
			"status", handler(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }),
			Options{},
			probe.Status, "processing", "503 Service Unavailable, not 2xx",
		},
		{"redirect in a circle", handler(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, map[string]string{"/": "/a", "/a": "/"}[r.URL.Path], http.StatusFound)
		}), Options{}, probe.RedirectLoop, "processing", "circle"},
		{"redirects without end", handler(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"a", http.StatusFound)
		}), Options{}, probe.Redirect, "processing", "more than 10"},
		{"redirect to another protocol", handler(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "myapp://open", http.StatusFound)
		}), Options{}, probe.Redirect, "processing", "myapp"},
		{"redirect to nonsense", handler(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Location"] = []string{"https://%zz/"}
			w.WriteHeader(http.StatusFound)
		}), Options{}, probe.Redirect, "processing", "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := c.config(t)
			cfg.TLS.CAFile = authorities
			began := time.Now()
			r, page := look(t, cfg, c.opts)
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("the words %q do not say %q", r.Explain(), c.says)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
