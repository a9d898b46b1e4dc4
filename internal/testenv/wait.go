package testenv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// Patience of the waits: how often they look, and when WaitHTTP gives up.
const (
	pollInterval = 25 * time.Millisecond
	httpPatience = 60 * time.Second
)

// Eventually calls check until it returns nil, and fails the test with its
// last error when that did not happen in time. What names the thing awaited.
func Eventually(t testing.TB, within time.Duration, what string, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		if errors.Is(err, errEnded) {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %v: %v", what, within, err)
		case <-tick.C:
		}
	}
}

// waitTCP waits until a server of ours, which may have ended, listens on a port
// of 127.0.0.1.
func (p *Process) waitTCP(t testing.TB, port int) {
	t.Helper()
	Eventually(t, httpPatience, p.name+" listens", func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// errEnded marks that what is awaited cannot come any more.
var errEnded = errors.New("the program has ended")

// WaitHTTP waits until url answers with anything but a server error (a
// starting Prometheus says 503). Certificates are not checked, redirects not
// followed.
func WaitHTTP(t testing.TB, url string) {
	t.Helper()
	client := waitClient()
	Eventually(t, httpPatience, url, func(ctx context.Context) error {
		return answers(ctx, client, url)
	})
}

func waitClient() *http.Client {
	return &http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // whether it answers, no more
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func answers(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("it answered %s", response.Status)
	}
	return nil
}
