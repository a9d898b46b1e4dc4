package websocketprobe

import (
	"net/url"
	"regexp"
	"strings"

	"tocsin/internal/problem"
	"tocsin/internal/secret"
	"tocsin/probes/probe"
	"tocsin/probes/protocol"
)

// Protocol is what this package speaks.
func Protocol() protocol.Protocol {
	return protocol.Protocol{
		Schemes: []protocol.Scheme{
			{Name: "wss", Example: "wss://chat.ville.example/api/v4/websocket", Port: 443, TLS: true, Login: true},
			{Name: "ws", Example: "ws://127.0.0.1:8065/api/v4/websocket", Port: 80, Login: true},
		},
		Families: Families,
	}
}

// Config is the section websocket of an entry of the site file.
type Config struct {
	// Subprotocol is what must be agreed upon, as graphql-transport-ws.
	Subprotocol string `yaml:"subprotocol,omitempty"`
	// Origin is the page that the question seems to come from, where the
	// server lets only some in, as https://chat.ville.example.
	Origin string `yaml:"origin,omitempty"`
	// Send is one text that is sent then. It is not shown.
	Send secret.Text `yaml:"send,omitempty"`
	// Expect is a regular expression that one of the messages that come must
	// match.
	Expect string `yaml:"expect,omitempty"`
}

// SetDefaults implements protocol.Section.
func (c *Config) SetDefaults() {}

// Validate implements protocol.Section.
func (c *Config) Validate(p problem.List, _ *protocol.Entry) {
	if strings.ContainsFunc(c.Subprotocol, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`,;"()<>@\/[]?={}:`, r) }) {
		p.At("subprotocol").Addf("is no name of a subprotocol; write one, as graphql-transport-ws")
	}
	if u, err := url.Parse(c.Origin); c.Origin != "" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil) {
		p.At("origin").Addf("is no origin; write scheme and host alone, as https://chat.ville.example")
	}
	if _, err := regexp.Compile(c.Expect); err != nil {
		p.At("expect").Addf("is no regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
}

// Told implements protocol.Section.
func (c *Config) Told(_ *protocol.Entry) string {
	told := "asked to turn to WebSocket"
	if !c.Send.IsZero() {
		told += ", and a text is sent"
	}
	return told
}

// Prober implements protocol.Section.
func (c *Config) Prober(e *protocol.Entry) (probe.Prober, error) {
	secure, err := e.TLSOptions()
	if err != nil {
		return nil, err
	}
	o := Options{
		URL: e.URL, Host: e.Host(), Port: e.Port(), Dial: e.Dial, UseTLS: e.Scheme.TLS, TLS: secure,
		Username: e.Login.Username, Password: e.Login.Secret(),
		Subprotocol: c.Subprotocol, Origin: c.Origin, Send: c.Send,
	}
	if c.Expect != "" {
		if o.Expect, err = regexp.Compile(c.Expect); err != nil {
			return nil, err
		}
	}
	return New(o), nil
}

// Travels implements protocol.Traveller: another instance is asked to
// listen, never to speak.
func (c *Config) Travels(_ *protocol.Entry) []string {
	return []string{"subprotocol", "origin", "expect"}
}
