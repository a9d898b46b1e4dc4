package probes

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/common/model"

	"tocsin/internal/secret"
	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/protocol"
	"tocsin/probes/tlscheck"
	"tocsin/probes/websocketprobe"
)

// echo is a small WebSocket server: it greets, and repeats what it is told.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		if user, password, _ := r.BasicAuth(); user != "moni" || password != "good-secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}})
	if err != nil {
		return // Accept has answered
	}
	defer c.CloseNow()
	if c.Write(r.Context(), websocket.MessageText, []byte("hello")) != nil {
		return
	}
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		switch string(message) {
		case "leave":
			_ = c.Close(websocket.StatusPolicyViolation, "go away")
			return
		case "flood":
			message = []byte(strings.Repeat("x", 1<<20))
		}
		if c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// TestWebSocket_nginx has a real nginx before the server, that passes Upgrade
// on at one place, and not at another.
func TestWebSocket_nginx(t *testing.T) {
	testenv.Program(t, "nginx", "nginx-light")
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	cert, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{}))
	backend := probetest.HTTP(t, http.HandlerFunc(echo)).URL
	plain, secure := testenv.Port(t), testenv.Port(t)
	testenv.Nginx(t, fmt.Sprintf(`
server {
	listen 127.0.0.1:%d;
	listen 127.0.0.1:%d ssl;
	ssl_certificate %s;
	ssl_certificate_key %s;
	location /good {
		proxy_pass %[5]s;
		proxy_http_version 1.1;
		proxy_set_header Upgrade $http_upgrade;
		proxy_set_header Connection "upgrade";
		proxy_set_header Host $http_host;
	}
	location /lost { proxy_pass %[5]s; }
	location /page { return 200 "Bienvenue\n"; }
	location /moved { return 302 https://elsewhere.example/ws?token=abcdef; }
}`, plain, secure, cert, key, backend))
	ws, wss := fmt.Sprintf("ws://127.0.0.1:%d", plain), fmt.Sprintf("wss://localhost:%d", secure)
	ca := tlscheck.Config{CAFile: probetest.WritePEM(t, root)}
	say := func(send, expect string) websocketprobe.Config {
		return websocketprobe.Config{Send: secret.New(send), Expect: expect}
	}
	for _, c := range []struct {
		name   string
		cfg    Config
		reason probe.Reason
		phase  string
		says   string
		status float64
	}{
		{"passed on", Config{Target: ws + "/good"}, "", "", "", 101},
		{"with TLS", Config{Target: wss + "/good", TLS: ca}, "", "", "", 101},
		{"nobody vouches", Config{Target: wss + "/good"}, probe.TLSIncompleteChain, "tls", "", 0},
		{"not passed on", Config{Target: ws + "/lost"}, probe.NoUpgrade, "processing", "does not pass Upgrade on", 426},
		{"not passed on, with TLS", Config{Target: wss + "/lost", TLS: ca}, probe.NoUpgrade, "processing", "proxy_set_header Upgrade", 426},
		{"a page", Config{Target: ws + "/page"}, probe.NoUpgrade, "processing", "does not pass Upgrade on", 200},
		{"nothing", Config{Target: ws + "/none"}, probe.Status, "processing", "404 Not Found", 404},
		{"a redirect", Config{Target: ws + "/moved"}, probe.Redirect, "processing", "https://elsewhere.example/ws?…", 302},
		{"subprotocol", Config{Target: ws + "/good", WebSocket: websocketprobe.Config{Subprotocol: "echo"}}, "", "", "", 101},
		{"another subprotocol", Config{Target: ws + "/good", WebSocket: websocketprobe.Config{Subprotocol: "chat"}}, probe.Protocol, "processing", "does not agree to speak chat", 101},
		{"origin", Config{Target: ws + "/good", WebSocket: websocketprobe.Config{Origin: ws[:2] + "x://other.example"}}, probe.Status, "processing", "origin", 403},
		{"greeting", Config{Target: ws + "/good", WebSocket: say("", "^hello$")}, "", "", "", 101},
		{"echo", Config{Target: ws + "/good", WebSocket: say("ping-secret", "^ping-secret$")}, "", "", "", 101},
		{"no such message", Config{Target: ws + "/good", Timeout: model.Duration(2 * time.Second), WebSocket: say("ping-secret", "^pong")}, probe.Body, "transfer", `the last that came was`, 101},
		{"it leaves", Config{Target: ws + "/good", WebSocket: say("leave", "^pong")}, probe.Body, "transfer", "code 1008", 101},
		{"a megabyte", Config{Target: ws + "/good", WebSocket: say("flood", "^pong")}, probe.TooLarge, "transfer", "larger than", 101},
		{"log-in", Config{Target: ws + "/good", Login: protocol.Login{Username: "moni", Password: secret.New("good-secret")}}, "", "", "", 101},
		{"log-in refused", Config{Target: ws + "/good", Login: protocol.Login{Username: "moni", Password: secret.New("other-secret")}}, probe.LoginRefused, "processing", "401", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, c.cfg, Options{})
			wantReason(t, r, page, c.reason, c.phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			if c.status != 0 {
				page.wants(t, "probe_websocket_status_code", c.status)
			} else {
				page.lacks(t, "probe_websocket_status_code")
			}
			for _, s := range r.Steps {
				if strings.Contains(s.Text, "-secret") || strings.Contains(s.Text, "abcdef") {
					t.Errorf("a secret is told: %s", s.Text)
				}
			}
		})
	}
}

func TestWebSocket_bad(t *testing.T) {
	say := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			probetest.ReadRequest(c)
			says(text)(c)
		}
	}
	const accepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	for _, c := range []struct {
		name   string
		talk   func(net.Conn)
		reason probe.Reason
		says   string
	}{
		{"silent", probetest.Hang, probe.Timeout, "answer to the handshake"},
		{"closes", probetest.ReadRequest, probe.Reset, ""},
		{"not HTTP", say("SSH-2.0-OpenSSH_9.2\r\n"), probe.Protocol, ""},
		{"a false proof", say(accepted + "Sec-WebSocket-Accept: AAAA\r\n\r\n"), probe.Protocol, "Sec-WebSocket-Accept"},
		{"no proof", say(accepted + "\r\n"), probe.Protocol, "Sec-WebSocket-Accept"},
		{"another upgrade", say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), probe.Protocol, "h2c"},
		{"endless header", say("HTTP/1.1 101 Switching Protocols\r\nX: " + strings.Repeat("x", 1<<20)), probe.Protocol, ""},
		{"bad gateway", say("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), probe.Status, "502 Bad Gateway"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{Target: "ws://" + probetest.TCP(t, c.talk), Timeout: model.Duration(2 * time.Second)}, Options{})
			wantReason(t, r, page, c.reason, "processing")
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
		})
	}
}

func TestWebSocket_badConfig(t *testing.T) {
	wantsWrong(t, []wrongEntry{
		{`- {target: wss://a.example, websocket: {subprotocol: "a b"}}`, `probes[0].websocket.subprotocol: is no name of a subprotocol; write one, as graphql-transport-ws`},
		{`- {target: wss://a.example, websocket: {origin: a.example}}`, `probes[0].websocket.origin: is no origin; write scheme and host alone, as https://chat.ville.example`},
		{`- {target: wss://a.example, websocket: {expect: "("}}`, "probes[0].websocket.expect: is no regular expression: missing closing ): `(`"},
		{`- {target: ws://a.example, server_name: a.example}`, `probes[0].server_name: means nothing with ws://, which speaks no TLS; take it out`},
	})
	wantsRight(t, `
- wss://chat.ville.example/api/v4/websocket
- target: wss://pad.ville.example/socket.io/?EIO=4&transport=websocket
  websocket: {origin: "https://pad.ville.example", send: "40", expect: "^0"}
`)
}

// FuzzWebSocket has servers that say anything: the look ends, with a reason.
func FuzzWebSocket(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"))
	c := Config{Target: "ws://127.0.0.1/", WebSocket: websocketprobe.Config{Expect: "a"}}
	f.Fuzz(func(t *testing.T, said []byte) {
		p, err := NewProber(c, Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			server, client := net.Pipe()
			go func() { // ends when either side closes
				go probetest.Hang(server)
				_, _ = server.Write(said)
				_ = server.Close()
			}()
			return client, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if r := p.Probe(t.Context()); !r.Success && (r.Reason == "" || r.Reason == probe.Other) {
			t.Errorf("no reason: %v, %v", r.Err, r.Unmeasured)
		}
	})
}
