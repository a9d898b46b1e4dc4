package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/tlscheck"
)

// OAuth2 is who fetches a token, by the grant of client credentials. A token
// is used as long as it is valid, so that its server is not asked at each look.
type OAuth2 struct {
	ClientID     string
	ClientSecret secret.Source
	TokenURL     string
	Scopes       []string
	Params       map[string]string // sent with the question
	TLS          tlscheck.Options

	mu     sync.Mutex // guards what follows
	token  *oauth2.Token
	secret string // that the token was fetched with
}

// fetchToken puts a token among the credentials. A token that cannot be had
// says nothing of the target.
func (l *look) fetchToken(ctx context.Context) error {
	o := l.options.OAuth2
	if o == nil {
		return nil
	}
	password, err := o.ClientSecret.Read()
	if err != nil {
		return &probe.Unmeasured{Err: err}
	}
	began := time.Now()
	token, fresh, err := o.fetch(ctx, &l.options.Dial, password.Reveal())
	l.clean = l.clean.With(password.Reveal())
	if err != nil {
		if ended := probe.Ended(ctx, probe.PhaseProcessing, "fetching a token"); ended != nil {
			return ended
		}
		return &probe.Unmeasured{Err: fmt.Errorf("fetch a token: %s", l.clean.Text(tokenError(err)))}
	}
	if fresh {
		l.result.Step(0, probe.PhaseProcessing, began, false, "fetched a token")
	}
	l.clean = l.clean.With(token.AccessToken)
	token.SetAuthHeader(&http.Request{Header: l.secrets.header})
	return nil
}

// tokenError keeps the code of a refusal, not what the server writes with it.
func tokenError(err error) string {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Sprintf("the token's server answers %d %s", refused.Response.StatusCode, refused.ErrorCode)
	}
	return err.Error()
}

func (o *OAuth2) fetch(ctx context.Context, d *dial.Options, password string) (token *oauth2.Token, fresh bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.token.Valid() && o.secret == password {
		return o.token, false, nil
	}
	params := url.Values{}
	for k, v := range o.Params {
		params.Set(k, v)
	}
	c := clientcredentials.Config{ClientID: o.ClientID, ClientSecret: password, TokenURL: o.TokenURL, Scopes: o.Scopes, EndpointParams: params}
	client := &http.Client{
		Transport:     o.transport(d),
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the token's server redirects") },
	}
	defer client.CloseIdleConnections()
	token, err = c.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err == nil {
		o.token, o.secret = token, password
	}
	return token, true, err
}

// transport reaches the token's server, whose certificate is judged as every
// other. The site names it, so that it may have any address.
func (o *OAuth2) transport(d *dial.Options) *http.Transport {
	own := dial.Options{Lookup: d.Lookup, Dial: d.Dial, Source: d.Source}
	connect := func(ctx context.Context, _, address string) (net.Conn, string, error) {
		host, text, err := net.SplitHostPort(address)
		if err != nil {
			return nil, "", err
		}
		number, err := dial.SplitPort(text)
		if err != nil {
			return nil, "", err
		}
		conn, _, err := own.TCP(ctx, host, number)
		return conn, host, err
	}
	return &http.Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeader,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, _, err := connect(ctx, network, address)
			return conn, err
		},
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, host, err := connect(ctx, network, address)
			if err != nil {
				return nil, err
			}
			secure, _, err := tlscheck.Handshake(ctx, conn, host, &o.TLS)
			if err != nil {
				_ = conn.Close()
				return nil, err
			}
			return secure, nil
		},
	}
}
