package roundtrip

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
)

// selfSigned makes a certificate of localhost, its key, and a file with it.
func selfSigned(t *testing.T) (certificate, key []byte, file string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return certificate, key, file
}

// collector sends messages round as guest, with one thing changed.
func collector(change func(*Config), urls ...string) *Collector {
	c := Config{URLs: urls, Username: "guest", Password: secret.New("guest")}
	if change != nil {
		change(&c)
	}
	c.SetDefaults("", secret.Source{}, "")
	return New(c)
}

// left counts what the broker has of connections and queues.
func left(t *testing.T, b *testenv.Broker) (connections, queues int) {
	t.Helper()
	for path, n := range map[string]*int{"connections": &connections, "queues": &queues} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Management+"/api/"+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("guest", "guest")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var list []any
		err = json.NewDecoder(response.Body).Decode(&list)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		*n = len(list)
	}
	return connections, queues
}

func nothingLeft(t *testing.T, b *testenv.Broker) {
	t.Helper()
	testenv.Eventually(t, 30*time.Second, "nothing is left in the broker", func(context.Context) error {
		if connections, queues := left(t, b); connections+queues > 0 {
			return fmt.Errorf("%d connections, %d queues", connections, queues)
		}
		return nil
	})
}

func TestRoundTrip_realBroker(t *testing.T) {
	certificate, key, ca := selfSigned(t)
	b := testenv.RabbitMQTLS(t, "", certificate, key)
	host := strings.TrimPrefix(b.AMQP, "amqp://")

	t.Run("contract", func(t *testing.T) {
		collectortest.Run(t, func(testing.TB) frame.Collector {
			return collector(func(c *Config) { c.CAFile = ca }, b.AMQP, b.AMQPS)
		})
	})
	t.Run("over both doors", func(t *testing.T) {
		c := collector(func(c *Config) { c.CAFile = ca }, b.AMQP, b.AMQPS)
		r := collectortest.Once(t, c)
		secure := strings.TrimPrefix(b.AMQPS, "amqps://")
		for _, want := range []string{host + "|amqp", secure + "|amqps"} {
			if r.Samples["tocsin_rabbitmq_round_trip_success{"+want+"}"] != 1 {
				t.Errorf("%s: %v; %s", want, r, c.Explain())
			}
		}
		for _, phase := range []string{"connect", "declare", "deliver"} {
			if d := r.Samples["tocsin_rabbitmq_round_trip_duration_seconds{"+secure+"|"+phase+"|amqps}"]; d <= 0 || d > 5 {
				t.Errorf("%s took %v s", phase, d)
			}
		}
		nothingLeft(t, b)
	})
	b.Ctl(t, "add_user", "app", "hunter2")
	b.Ctl(t, "add_vhost", "closed")
	b.Ctl(t, "set_permissions", "app", "^app\\.", "^app\\.", "^app\\.")
	as := func(user, password string) func(*Config) {
		return func(c *Config) { c.Username, c.Password = user, secret.New(password) }
	}
	for name, d := range map[string]struct {
		url    string
		change func(*Config)
		reason Reason
		words  string
	}{
		"wrong password":      {b.AMQP, as("app", "hunter3"), Refused, "refuses user app; is the password right?"},
		"no permission":       {b.AMQP, as("app", "hunter2"), Forbidden, "rabbitmqctl set_permissions -p '/' app"},
		"vhost not allowed":   {b.AMQP, func(c *Config) { as("app", "hunter2")(c); c.Vhost = "closed" }, Refused, "may not enter the virtual host closed"},
		"no such vhost":       {b.AMQP, func(c *Config) { c.Vhost = "none" }, Refused, "may not enter the virtual host none"},
		"unknown authority":   {b.AMQPS, nil, TLS, "authority that is not trusted"},
		"other name":          {strings.Replace(b.AMQPS, "localhost", "127.0.0.1", 1), func(c *Config) { c.CAFile = ca }, TLS, "other names"},
		"TLS on a plain port": {"amqps://" + host, nil, TLS, "does not speak TLS"},
		"plain on a TLS port": {strings.Replace(b.AMQPS, "amqps", "amqp", 1), nil, Protocol, "wants TLS"},
		"a web page":          {strings.Replace(b.Management, "http", "amqp", 1), nil, Protocol, "no AMQP"},
		"nobody":              {fmt.Sprintf("amqp://127.0.0.1:%d", testenv.Port(t)), nil, Unreachable, "nothing listens"},
		"no name":             {"amqp://no.such.host.invalid", nil, Unreachable, "does not resolve"},
		"password file gone":  {b.AMQP, func(c *Config) { c.Password, c.PasswordFile = secret.Text{}, "/none" }, Setup, "password cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			c := collector(d.change, d.url)
			r := collectortest.Once(t, c)
			door, _ := parse(d.url)
			if r.Samples["tocsin_rabbitmq_round_trip_failure_info{"+door.address()+"|"+door.protocol+"|"+string(d.reason)+"}"] != 1 ||
				r.Samples["tocsin_rabbitmq_round_trip_success{"+door.address()+"|"+door.protocol+"}"] != 0 || len(r.Samples) != 2 || r.Reason != "" {
				t.Errorf("%v", r)
			}
			if words := c.Explain(); !strings.Contains(words, d.words) || strings.Contains(words, "hunter") {
				t.Errorf("%q, want %q", words, d.words)
			}
		})
	}
	t.Run("the user that the documentation makes", func(t *testing.T) {
		b.Ctl(t, "set_permissions", "app", `^tocsin\.`, `^(tocsin\.|amq\.default$)`, `^tocsin\.`)
		if c := collector(as("app", "hunter2"), b.AMQP); collectortest.Once(t, c).Reason != "" || c.Explain() != "" {
			t.Error(c.Explain())
		}
	})
	nothingLeft(t, b)

	// A broker with an alarm on reads nothing from who has published: runs must
	// not pile up connections there.
	t.Run("memory alarm", func(t *testing.T) {
		b.Ctl(t, "set_vm_memory_high_watermark", "absolute", "1MB")
		c := collector(nil, b.AMQP)
		testenv.Eventually(t, 30*time.Second, "the alarm blocks", func(context.Context) error {
			if r := collectortest.Once(t, c); r.Samples["tocsin_rabbitmq_round_trip_failure_info{"+host+"|amqp|blocked}"] != 1 {
				return fmt.Errorf("%v: %s", r, c.Explain())
			}
			return nil
		})
		if !strings.Contains(c.Explain(), "low on memory") {
			t.Error(c.Explain())
		}
		for range 20 {
			collectortest.Once(t, c)
		}
		nothingLeft(t, b) // though the alarm is still on
		b.Ctl(t, "set_vm_memory_high_watermark", "0.4")
		testenv.Eventually(t, 30*time.Second, "it goes on", func(context.Context) error {
			if r := collectortest.Once(t, c); r.Samples["tocsin_rabbitmq_round_trip_success{"+host+"|amqp}"] != 1 {
				return fmt.Errorf("%v: %s", r, c.Explain())
			}
			return nil
		})
		nothingLeft(t, b)
	})
}
