package logins

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// What may be set up to write the log, or to read it.
const (
	rsyslog  = "rsyslog"
	fail2ban = "fail2ban"
)

const (
	maxFiles    = 100
	maxSettings = 256 << 10 // bytes of one file
)

// user names what on the machine is set up with /var/log/auth.log; empty:
// nothing.
//
// Source: rsyslog.conf(5); jail.conf(5): the backend systemd reads the journal,
// all others read files.
func user(root string) string {
	for _, line := range settings(root, "etc/rsyslog.conf", "etc/rsyslog.d/*.conf") {
		if strings.Contains(line, "/auth.log") {
			return rsyslog
		}
	}
	if _, err := os.Stat(filepath.Join(root, "etc/fail2ban/jail.conf")); err != nil {
		return ""
	}
	for _, line := range settings(root, "etc/fail2ban/paths-*.conf", "etc/fail2ban/paths-overrides.local", "etc/fail2ban/jail.local", "etc/fail2ban/jail.d/*") {
		key, value, _ := strings.Cut(line, "=")
		if strings.HasSuffix(strings.TrimSpace(key), "backend") && strings.TrimSpace(value) == "systemd" {
			return ""
		}
	}
	return fail2ban
}

// settings are the lines of files that are no comments. What cannot be read has
// none: then nothing is known to want the log.
func settings(root string, patterns ...string) []string {
	var lines []string
	for _, pattern := range patterns {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are ours
		for _, path := range found[:min(len(found), maxFiles)] {
			for line := range strings.SplitSeq(read(path), "\n") {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
					lines = append(lines, line)
				}
			}
		}
	}
	return lines
}

func read(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, maxSettings)) // what came counts
	return string(text)
}
