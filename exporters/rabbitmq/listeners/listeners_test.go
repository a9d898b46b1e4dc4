package listeners

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/exporters/rabbitmq/api"
	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/secret"
	"tocsin/internal/testenv"
)

// selfSigned makes a certificate of localhost that ends then, and its key.
func selfSigned(t *testing.T, end time.Time) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: end.Add(-48 * time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})
}

func collector(t testing.TB, at string) *Collector {
	t.Helper()
	client, err := api.New(api.Options{URL: at, Username: "guest", Password: secret.Source{Value: secret.New("guest")}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return New(client, at)
}

// The certificate has ended, and nobody trusts it; its date is told all the
// same.
func TestListeners_realBroker(t *testing.T) {
	end := time.Now().Add(-time.Hour).Truncate(time.Second)
	certificate, key := selfSigned(t, end)
	b := testenv.RabbitMQTLS(t, "", certificate, key)
	collectortest.Run(t, func(t testing.TB) frame.Collector { return collector(t, b.Management) })
	c := collector(t, b.Management)
	u, err := url.Parse(b.AMQPS)
	if err != nil {
		t.Fatal(err)
	}
	web := "any" // 3.10 does not tell the address of its web pages
	if b.Newer {
		web = "local"
	}
	wanted := map[string]float64{
		"tocsin_rabbitmq_listener_info{local|tocsin@localhost|" + u.Port() + "|amqp/ssl}":                                        1,
		"tocsin_rabbitmq_certificate_readable{tocsin@localhost|" + u.Port() + "|amqp/ssl}":                                       1,
		"tocsin_rabbitmq_certificate_expiry_timestamp_seconds{tocsin@localhost|" + u.Port() + "|amqp/ssl}":                       float64(end.Unix()),
		"tocsin_rabbitmq_listener_info{" + web + "|tocsin@localhost|" + b.Management[strings.LastIndex(b.Management, ":")+1:] + "|http}": 1,
	}
	// RabbitMQ 4 lists its ports some seconds after it listens on them.
	testenv.Eventually(t, 30*time.Second, "the broker's ports", func(context.Context) error {
		r := collectortest.Once(t, c)
		for name, want := range wanted {
			if got, ok := r.Samples[name]; !ok || got != want {
				return fmt.Errorf("%s is %v (%v), not %v: %v", name, got, ok, want, r)
			}
		}
		return nil
	})
	if c.Explain() != "" {
		t.Error(c.Explain())
	}
}

func TestListeners_portsThatShowNoCertificate(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	port := func(address string) string { return address[strings.LastIndex(address, ":")+1:] }
	gone := testenv.Port(t)
	broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"node":"rabbit@a","listeners":[
			{"node":"rabbit@a","protocol":"amqp/ssl","ip_address":"::","port":%s},
			{"node":"rabbit@a","protocol":"amqp/ssl","ip_address":"0.0.0.0","port":%[1]s},
			{"node":"rabbit@localhost","protocol":"https","ip_address":"::","port":%[2]d},
			{"node":"rabbit@a","protocol":"amqp","ip_address":"10.1.2.3","port":5672},
			{"node":"rabbit@a","protocol":"amqp/ssl","ip_address":"::","port":"undefined"},
			{"node":"rabbit@a","protocol":"amqp/ssl","ip_address":"::","port":700000}]}`, port(plain.URL), gone)
	}))
	defer broker.Close()
	c := collector(t, broker.URL)
	r := collectortest.Once(t, c)
	for name, want := range map[string]float64{
		"tocsin_rabbitmq_certificate_readable{rabbit@a|" + port(plain.URL) + "|amqp/ssl}":    0,
		fmt.Sprintf("tocsin_rabbitmq_certificate_readable{rabbit@localhost|%d|https}", gone): 0,
		"tocsin_rabbitmq_listener_info{10.1.2.3|rabbit@a|5672|amqp}":                         1,
	} {
		if got, ok := r.Samples[name]; !ok || got != want {
			t.Errorf("%s is %v (%v), not %v: %v", name, got, ok, want, r)
		}
	}
	if len(r.Samples) != 5 || r.Reason != "" {
		t.Errorf("%v", r)
	}
	for _, want := range []string{"it does not speak TLS", "no connection comes about"} {
		if !strings.Contains(c.Explain(), want) {
			t.Errorf("%q lacks %q", c.Explain(), want)
		}
	}
}
