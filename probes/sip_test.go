package probes

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"tocsin/internal/testenv"
	"tocsin/probes/probe"
	"tocsin/probes/probetest"
	"tocsin/probes/sipprobe"
	"tocsin/probes/tlscheck"
)

// route answers as the user asked about is called.
const route = `
	if ($rU == $null) { sl_send_reply("200", "OK"); exit; }
	if ($rU == "provisional") { sl_send_reply("100", "Trying"); sl_send_reply("200", "OK"); exit; }
	if ($rU == "unknown") { sl_send_reply("404", "Not Found"); exit; }
	if ($rU == "locked") { sl_send_reply("401", "Unauthorized"); exit; }
	if ($rU == "refused") { sl_send_reply("403", "Forbidden"); exit; }
	if ($rU == "full") { sl_send_reply("503", "Service Unavailable"); exit; }
	if ($rU == "silent") { exit; }
	sl_send_reply("405", "Method Not Allowed"); exit;`

// TestSIP_kamailio asks a real server, by UDP and TCP.
func TestSIP_kamailio(t *testing.T) {
	port := testenv.Port(t)
	testenv.Kamailio(t, port, route)
	plain := fmt.Sprintf("127.0.0.1:%d", port)
	asked := func(user string) Config {
		return Config{Target: "sip://" + plain, SIP: sipprobe.Config{User: user}}
	}
	only := asked("unknown")
	only.SIP.Status = []int{200}
	silent := asked("silent")
	silent.Timeout = model.Duration(2 * time.Second)
	for _, c := range []struct {
		name   string
		cfg    Config
		reason probe.Reason
		says   string
		status float64
	}{
		{"udp", asked(""), "", "", 200},
		{"tcp", Config{Target: "sip://" + plain, SIP: sipprobe.Config{Transport: "tcp"}}, "", "", 200},
		{"a provisional answer first", asked("provisional"), "", "", 200},
		{"no such user", asked("unknown"), "", "", 404},
		{"it wants to know who asks", asked("locked"), "", "", 401},
		{"it knows no OPTIONS", asked("other"), "", "", 405},
		{"only 200 is good", only, probe.Status, "404 Not Found", 404},
		{"refused", asked("refused"), probe.Status, "403 Forbidden", 403},
		{"full", asked("full"), probe.Status, "503 Service Unavailable", 503},
		{"silent", silent, probe.Timeout, "answer to OPTIONS", 0},
		{"nobody listens", Config{Target: fmt.Sprintf("sip://127.0.0.1:%d", testenv.Port(t))}, probe.Refused, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, c.cfg, Options{})
			phase := "processing"
			if c.reason == "" {
				phase = ""
			}
			wantReason(t, r, page, c.reason, phase)
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
			if c.status == 0 {
				page.lacks(t, "probe_sip_rtt_seconds")
				return
			}
			page.wants(t, "probe_sip_status_code", c.status)
			if !strings.Contains(strings.Join(page.sorted(), "\n"), `probe_sip_server_info{software="kamailio (`) {
				t.Errorf("no software: %q", page.sorted())
			}
		})
	}
}

// TestSIP_kamailioTLS asks one whose TLS is its own. By TLS or not, it answers
// the same.
func TestSIP_kamailioTLS(t *testing.T) {
	c := newChained(t)
	// RFC 3261, section 8.1.1.8: who is asked by sips: is to be answered so.
	const strict = `if (!($ct =~ "^<sips:") || !($ru =~ "^sips:")) { sl_send_reply("416", "Unsupported URI Scheme"); exit; }` + route
	for name, p := range map[string]pair{"good": c.good, "expired": c.bad} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := testenv.Port(t)
			testenv.KamailioTLS(t, port, p.cert, p.key, "TLSv1.2+", strict)
			cfg := Config{Target: fmt.Sprintf("sips://127.0.0.1:%d", port)}
			page := c.wants(t, cfg, p)
			if p == c.bad {
				page.lacks(t, "probe_sip_status_code") // nothing is said to it
				return
			}
			page.wants(t, "probe_sip_status_code", 200)
			cfg.SIP.User = "unknown"
			c.wants(t, cfg, p).wants(t, "probe_sip_status_code", 404)
		})
	}
	t.Run("as it is set up where nobody says otherwise", func(t *testing.T) {
		t.Parallel()
		port := testenv.Port(t)
		testenv.KamailioTLS(t, port, c.good.cert, c.good.key, "TLSv1", strict)
		r, page := look(t, Config{Target: fmt.Sprintf("sips://127.0.0.1:%d", port), Timeout: 20e9}, Options{})
		wantReason(t, r, page, probe.TLSVersion, "tls")
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		port := testenv.Port(t)
		testenv.Kamailio(t, port, route)
		r, page := look(t, Config{Target: fmt.Sprintf("sips://127.0.0.1:%d", port), Timeout: 2e9}, Options{})
		// It takes our greeting for the beginning of a request. Chance is in it,
		// and decides whether it waits for the rest or takes offence.
		wanted := probe.Timeout
		if r.Reason == probe.Reset {
			wanted = probe.Reset
		}
		wantReason(t, r, page, wanted, "tls")
	})
}

// sipServer answers each datagram as said; nothing is sent for an empty text.
func sipServer(t *testing.T, answer func(n int, question string) string) string {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() { // ends when the socket is closed
		b := make([]byte, 64<<10)
		for n := 1; ; n++ {
			size, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if text := answer(n, string(b[:size])); text != "" {
				_, _ = conn.WriteTo([]byte(text), from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// reply is a strict answer: it takes what RFC 3261, section 8.2.6.2, says from
// the question.
func reply(question, status string, change ...string) string {
	lines := strings.Split(question, "\r\n")
	out := "SIP/2.0 " + status + "\r\n"
	for _, l := range lines[1:] {
		name, _, _ := strings.Cut(l, ":")
		switch name {
		case "Via", "From", "Call-ID", "CSeq":
			out += l + "\r\n"
		case "To":
			out += l + ";tag=1\r\n"
		}
	}
	return strings.NewReplacer(change...).Replace(out + "Content-Length: 0\r\n\r\n")
}

func TestSIP_udp(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(int, string) string
		reason probe.Reason
		sent   float64 // 0: whatever
	}{
		{"at once", func(_ int, q string) string { return reply(q, "200 OK") }, "", 1},
		{"the third time", func(n int, q string) string {
			if n < 3 {
				return ""
			}
			return reply(q, "200 OK")
		}, "", 3},
		{"compact and folded", func(_ int, q string) string {
			return reply(q, "200 OK", "Via:", "v :", "Call-ID:", "i:", "CSeq: 1 OPTIONS", "CSeq:  1   OPTIONS\r\nSubject: a\r\n  b")
		}, "", 1},
		{"to another question", func(_ int, q string) string { return reply(q, "200 OK", "branch=z9hG4bK", "branch=z9hG4bKx") }, probe.Timeout, 0},
		{"another call", func(_ int, q string) string { return reply(q, "200 OK", "Call-ID: ", "Call-ID: x") }, probe.Timeout, 0},
		{"nonsense, then the answer", func(n int, q string) string {
			if n == 1 {
				return "HTTP/1.1 400 Bad Request\r\n\r\n"
			}
			return reply(q, "200 OK")
		}, "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{Target: "sip://" + sipServer(t, c.answer), Timeout: model.Duration(4 * time.Second)}, Options{})
			if r.Reason != c.reason {
				t.Errorf("the reason is %q: %v", r.Reason, r.Err)
			}
			if c.sent != 0 {
				page.wants(t, "probe_sip_requests", c.sent)
			}
		})
	}
}

func TestSIP_bad(t *testing.T) {
	for _, c := range []struct {
		name   string
		talk   func(net.Conn)
		reason probe.Reason
		says   string
	}{
		{"silent", probetest.Hang, probe.Timeout, "OPTIONS"},
		{"closes", func(net.Conn) {}, probe.Reset, ""},
		{"HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), probe.Protocol, "does not speak SIP"},
		{"a long line", says(strings.Repeat("x", 1<<20)), probe.Protocol, "longer than"},
		{"many headers", says("SIP/2.0 200 OK\r\n" + strings.Repeat("A: b\r\n", 200)), probe.Protocol, "more than"},
		{"a long body", says("SIP/2.0 200 OK\r\nl: 99999999\r\n\r\n"), probe.Protocol, "announces a body"},
		{"questions only", says(strings.Repeat("OPTIONS sip:a SIP/2.0\r\n\r\n", 100)), probe.Protocol, "none is the answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, page := look(t, Config{
				Target: "sip://" + probetest.TCP(t, c.talk), Timeout: model.Duration(2 * time.Second), SIP: sipprobe.Config{Transport: "tcp"},
			}, Options{})
			wantReason(t, r, page, c.reason, "processing")
			if !strings.Contains(r.Explain(), c.says) {
				t.Errorf("it says %q, not %q", r.Explain(), c.says)
			}
		})
	}
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	expired := root.Leaf(t, probetest.Spec{NotAfter: time.Now().Add(-day)})
	r, page := look(t, Config{Target: "sips://" + probetest.TLS(t, expired, probetest.Hang), TLS: tlscheck.Config{CAFile: probetest.WritePEM(t, root)}}, Options{})
	wantReason(t, r, page, probe.TLSExpired, "tls")
}

func TestSIP_badConfig(t *testing.T) {
	wantsWrong(t, []wrongEntry{
		{`- {target: sip://a.example, sip: {transport: sctp}}`, `probes[0].sip.transport: is not how SIP is carried here; write udp or tcp, or the target with sips://`},
		{`- {target: sips://a.example, sip: {transport: udp}}`, `probes[0].sip.transport: is not udp with sips://, which has TLS over TCP; take it out`},
		{`- {target: sip://a.example, sip: {user: "a@b"}}`, `probes[0].sip.user: is no name of a user in SIP; write the part before the @ alone, as 100`},
		{`- {target: sip://a.example, sip: {status: [100]}}`, `probes[0].sip.status[0]: 100 is no last answer of SIP; write a number from 200 to 699`},
		{`- {target: sip://a.example, ca_file: /x}`, `probes[0].ca_file: means nothing with sip://, which speaks no TLS; take it out`},
	})
	wantsRight(t, `
- sip://pabx.ville.example
- {target: sip://pabx.ville.example, name: tcp, instance: tcp, sip: {transport: tcp, user: "100", status: [200, 401]}}
- sips://pabx.ville.example
`)
}

// FuzzSIP has servers that say anything: the look ends, with a reason.
func FuzzSIP(f *testing.F) {
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n"))
	f.Add([]byte("\r\n\r\nOPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc"))
	c := Config{Target: "sip://127.0.0.1:5060", SIP: sipprobe.Config{Transport: "tcp"}}
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
		if r := p.Probe(t.Context()); r.Success || r.Reason == "" || r.Reason == probe.Other {
			t.Errorf("success %v, reason %q: %v, %v", r.Success, r.Reason, r.Err, r.Unmeasured)
		}
	})
}
