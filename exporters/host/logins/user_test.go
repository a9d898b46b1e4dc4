package logins

import (
	"strings"
	"testing"

	"tocsin/internal/frame"
	"tocsin/internal/frame/collectortest"
	"tocsin/internal/testenv"
)

// TestLogins_journalAlone has machines without an auth.log: it is a fault only
// where something on them is to read it.
func TestLogins_journalAlone(t *testing.T) {
	t.Parallel()
	const jails = "etc/fail2ban/jail.conf"
	for name, c := range map[string]struct {
		files          map[string]string
		explain, aside string
	}{
		"Debian 12 as installed": {map[string]string{}, "", "into systemd's journal alone; to have them counted, install rsyslog"},
		"rsyslog": {
			map[string]string{"etc/rsyslog.conf": "# comment\nauth,authpriv.*\t/var/log/auth.log\n"}, "", "yet, which rsyslog writes",
		},
		"rsyslog that writes another": {map[string]string{"etc/rsyslog.conf": "# /var/log/auth.log\n*.* @@logs.ville.example\n"}, "", "install rsyslog"},
		"fail2ban":                    {map[string]string{jails: "[DEFAULT]\nbackend = auto\n", "etc/fail2ban/jail.d/x.conf": "[sshd]\nenabled = true\n"}, "which fail2ban is to read", ""},
		"fail2ban that reads the journal": {
			map[string]string{jails: "[DEFAULT]\nbackend = auto\n", "etc/fail2ban/jail.d/defaults-debian.conf": "[DEFAULT]\n; x\nbackend = systemd\n"}, "", "install rsyslog",
		},
		"its paths say so": {map[string]string{jails: "", "etc/fail2ban/paths-debian.conf": "sshd_backend = systemd\n"}, "", "install rsyslog"},
	} {
		c.files["run/log/journal/x"] = ""
		collector := New(testenv.Tree(t, c.files))
		r := collectortest.Once(t, collector)
		explain, aside := collector.(frame.Explainer).Explain(), collector.(frame.Asider).Aside()
		if r.Reason != "" || r.Samples["tocsin_host_authentication_log_readable"] != 0 || !says(explain, c.explain) || !says(aside, c.aside) {
			t.Errorf("%s: %s %v, it explains %q and leaves aside %q", name, r.Reason, r.Samples, explain, aside)
		}
	}
}

func says(text, want string) bool {
	return (text == "") == (want == "") && strings.Contains(text, want)
}
