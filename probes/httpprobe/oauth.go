package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"tocsin/internal/secret"
	"tocsin/probes/dial"
	"tocsin/probes/probe"
	"tocsin/probes/stream"
	"tocsin/probes/tlscheck"
)

// OAuth2 is who fetches a token, by the grant of client credentials. A token
// is used as long as it is valid, so that its server is not asked at each look.
type OAuth2 struct {
	ClientID     string
	ClientSecret secret.Source
	TokenURL     string
	Scopes       []string
	Params       map[string]secret.Text // sent with the question
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
	l.clean = l.clean.With(o.secrets(password)...)
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

// secrets are what must not be seen of the question.
func (o *OAuth2) secrets(password secret.Text) []string {
	hidden := []string{password.Reveal()}
	for _, value := range o.Params {
		hidden = append(hidden, value.Reveal())
	}
	return hidden
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
		params.Set(k, v.Reveal())
	}
	c := clientcredentials.Config{ClientID: o.ClientID, ClientSecret: password, TokenURL: o.TokenURL, Scopes: o.Scopes, EndpointParams: params}
	own := dial.Options{Lookup: d.Lookup, Dial: d.Dial, Source: d.Source} // the site names the token's server, so that it may have any address
	client := &http.Client{
		Transport:     stream.Transport(&own, &o.TLS),
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the token's server redirects") },
	}
	defer client.CloseIdleConnections()
	token, err = c.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err == nil {
		o.token, o.secret = token, password
	}
	return token, true, err
}
