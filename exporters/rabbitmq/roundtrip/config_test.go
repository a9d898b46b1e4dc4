package roundtrip

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"tocsin/internal/frame/collectortest"
	"tocsin/internal/problem"
	"tocsin/internal/secret"
)

func TestConfig_badFiles(t *testing.T) {
	const user = ", username: app, password_file: /etc/p"
	for text, want := range map[string][]string{
		"{urls: [amqp://bus, 'amqps://bus:5671/']" + user + "}": nil,
		"{username: app}":                                                         {"urls: is missing; write the broker's doors for applications, as [amqp://127.0.0.1:5672]"},
		"{urls: [amqp://bus]}":                                                    {"username: is missing, and the management API has none either; write a user who may make the test queue"},
		"{urls: [http://bus]" + user + "}":                                        {"urls[0]: is no door of a broker; write amqp://HOST:5672, or amqps://HOST:5671"},
		"{urls: ['amqp://app:hunter2@bus']" + user + "}":                          {"urls[0]: has a user or a password in it; write them as username and password_file"},
		"{urls: [amqp://bus/publik]" + user + "}":                                 {"urls[0]: has a path; write the virtual host as vhost"},
		"{urls: ['amqp://bus?heartbeat=1']" + user + "}":                          {"urls[0]: must end with its port; take away what follows"},
		"{urls: ['amqp://bus:70000']" + user + "}":                                {"urls[0]: has a port that is none; write one between 1 and 65535"},
		"{urls: [amqp://bus, 'amqp://bus:5672']" + user + "}":                     {"urls[1]: is there twice; take one away"},
		"{urls: [amqp://bus], username: a, password: hunter2, password_file: /p}": {"password_file: password is given too; keep one of the two, better the file"},
		"{urls: [amqp://bus], password: hunter2}":                                 {"username: a password needs a username; write the name it belongs to"},
		"{urls: [amqp://bus], interval: 1s, timeout: 2m" + user + "}":             {"interval: 1s is not between 5s and 1h; usual is 1m0s", "timeout: 2m is not between 1s and 1m; usual is 10s"},
	} {
		var c Config
		if err := yaml.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		c.SetDefaults()
		list := problem.New()
		c.Validate(list)
		var got []string
		for _, one := range list.All() {
			got = append(got, one.Path+": "+one.Text)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

// What the site file does not say of the user is the management API's; a user
// of its own never gets the other's password.
func TestConfig_userOfTheManagementAPI(t *testing.T) {
	api := secret.Source{File: "/etc/tocsin/rabbitmq"}
	c := Config{}
	c.Inherit("monitor", api, "/etc/ca.pem")
	if c.Username != "monitor" || c.PasswordFile != api.File || c.CAFile != "/etc/ca.pem" {
		t.Errorf("%+v", c)
	}
	c = Config{Username: "app"}
	if c.Inherit("monitor", api, ""); c.PasswordFile != "" {
		t.Errorf("%+v", c)
	}
}

// Whatever answers, a run ends in time and leaves nothing behind.
func TestRoundTrip_hostileBrokers(t *testing.T) {
	// What RabbitMQ sends first, cut off and blown up.
	start := []byte("\x01\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x0a\x00\x09")
	for name, c := range map[string]struct {
		serve  func(net.Conn)
		reason Reason
	}{
		"says nothing":        {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, Timeout},
		"hangs up":            {func(net.Conn) {}, Protocol},
		"a frame without end": {func(c net.Conn) { _, _ = c.Write(start); _, _ = io.Copy(io.Discard, c) }, Timeout},
		"a frame of 4 GiB": {func(c net.Conn) {
			_, _ = c.Write([]byte("\x01\x00\x00\xff\xff\xff\xf0\x00\x0a\x00\x0a"))
			_, _ = io.Copy(io.Discard, c)
		}, Protocol},
		"nonsense for ever": {func(c net.Conn) {
			for {
				if _, err := c.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
					return
				}
			}
		}, Protocol},
		"AMQP 1.0 alone": {func(c net.Conn) { _, _ = c.Write([]byte("AMQP\x00\x01\x00\x00")) }, Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() { // ends with the listener
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() { c.serve(conn); conn.Close() }()
				}
			}()
			began := time.Now()
			made := collector(func(c *Config) { c.Timeout = 1e9 }, "amqp://"+l.Addr().String())
			r := collectortest.Once(t, made)
			told := func(reason Reason) bool {
				return r.Samples["tocsin_rabbitmq_round_trip_failure_info{"+l.Addr().String()+"|amqp|"+string(reason)+"}"] == 1
			}
			// The library sometimes tells that it has hung up, and not why.
			if !told(c.reason) && (c.reason != Protocol || !told(Closed)) {
				t.Errorf("%v: %s", r, made.Explain())
			}
			if d := time.Since(began); d > 4*time.Second {
				t.Errorf("it took %s", d)
			}
			if strings.Contains(made.Explain(), "xxx") {
				t.Errorf("what the broker sent is repeated: %s", made.Explain())
			}
		})
	}
}
