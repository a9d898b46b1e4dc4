package access

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// newTLS makes the listener's TLS. The toolkit checks and builds it; what it
// would read at each handshake is kept, so that a half-written certificate
// does not cut off the scrapers.
func newTLS(c TLS, log *slog.Logger) (*tls.Config, error) {
	settings := &toolkit.TLSConfig{
		TLSCertPath: c.CertFile,
		TLSKeyPath:  c.KeyFile,
		ClientCAs:   c.ClientCAFile,
		MinVersion:  tls.VersionTLS12,
		MaxVersion:  tls.VersionTLS13,
	}
	if c.MinVersion == "1.3" {
		settings.MinVersion = tls.VersionTLS13
	}
	if c.ClientCAFile != "" {
		if err := checkAuthorities(c.ClientCAFile); err != nil {
			return nil, err
		}
		settings.ClientAuth = "RequireAndVerifyClientCert"
		if c.ClientAuth == clientVerifyIfGiven {
			settings.ClientAuth = "VerifyClientCertIfGiven"
		}
	}
	k := &certKeeper{files: [2]string{c.CertFile, c.KeyFile}, log: log}
	k.stamps = k.look() // before the content, so that a change in between is seen later
	config, err := toolkit.ConfigToTLSConfig(settings)
	if err != nil {
		return nil, fmt.Errorf("web.tls: %w", err)
	}
	k.load = config.GetCertificate
	if k.good, err = k.load(nil); err != nil {
		return nil, fmt.Errorf("web.tls: %w", err)
	}
	config.GetCertificate = k.certificate
	config.NextProtos = []string{"http/1.1"}
	return config, nil
}

// checkAuthorities refuses a file without certificates: it would be accepted,
// and then refuse everybody.
func checkAuthorities(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("web.tls.client_ca_file: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return fmt.Errorf("web.tls.client_ca_file: %s has no certificate in PEM form", path)
	}
	return nil
}

// certKeeper gives the listener's certificate, read again when its files
// change. While they cannot be used, the last good one stays.
type certKeeper struct {
	files [2]string // certificate, key
	load  func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	log   *slog.Logger

	mu     sync.Mutex // guards what follows
	good   *tls.Certificate
	stamps [2]stamp
	broken string // the last error told
}

// look returns the files' stamps; a file that is missing has the zero stamp.
func (k *certKeeper) look() [2]stamp {
	var stamps [2]stamp
	for i, file := range k.files {
		stamps[i], _ = stampOf(file)
	}
	return stamps
}

// certificate implements tls.Config.GetCertificate.
func (k *certKeeper) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.look()
	if now == k.stamps {
		return k.good, nil
	}
	renewed, err := k.load(hello)
	if err != nil {
		if k.broken != err.Error() {
			k.log.Error("certificate was refused, the former one stays", "err", err)
			k.broken = err.Error()
		}
		return k.good, nil
	}
	k.good, k.stamps, k.broken = renewed, now, ""
	k.log.Info("certificate was read again")
	return k.good, nil
}
