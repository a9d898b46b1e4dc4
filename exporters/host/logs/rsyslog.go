package logs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Bounds of the settings that are read.
const (
	maxSettings = 1 << 20 // bytes of one file
	maxIncluded = 300     // files
)

// readRsyslog reads rsyslog's settings with all that they include. It is no
// interpreter: an action counts whatever condition stands before it.
func readRsyslog(root string) (forwarding, error) {
	r := &rsyslog{root: root, seen: map[string]bool{}}
	err := r.file(filepath.Join(root, "etc/rsyslog.conf"))
	if errors.Is(err, fs.ErrNotExist) {
		return forwarding{}, nil
	}
	r.found = true
	return r.forwarding, err
}

type rsyslog struct {
	forwarding
	root string
	seen map[string]bool // files
}

func (r *rsyslog) file(path string) error {
	if r.seen[path] {
		return nil
	}
	if len(r.seen) == maxIncluded {
		return fmt.Errorf("%s: includes more than %d files", filepath.Join(r.root, "etc/rsyslog.conf"), maxIncluded)
	}
	r.seen[path] = true
	text, err := readSettings(path)
	if err != nil {
		return err
	}
	return r.take(text)
}

// readSettings reads a file of bounded length.
func readSettings(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, fmt.Errorf("%s is no file", path))
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	if err == nil && len(b) > maxSettings {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxSettings)
	}
	return string(b), err
}

var (
	legacyInclude = regexp.MustCompile(`(?im)^\s*\$IncludeConfig\s+(\S+)`)
	// A selector or a filter, and where its messages go: @host:514 by UDP,
	// @@(z9)host by TCP, :omrelp:host:2514.
	legacyAction = regexp.MustCompile(`(?m)[ \t](?:(@@?)(?:\([^)\n]*\))?|:(omrelp):)([\w.:\[\]-]+)(?:;\S*)?[ \t]*$`)
	parameter    = regexp.MustCompile(`(?s)([\w.]+)\s*=\s*"((?:[^"\\]|\\.)*)"`)
	object       = regexp.MustCompile(`(?i)\b(action|module|include)\s*\(`)
)

func (r *rsyslog) take(text string) error {
	text = withoutComments(text)
	var errs []error
	for {
		at := object.FindStringSubmatchIndex(text)
		if at == nil {
			break
		}
		kind, body := strings.ToLower(text[at[2]:at[3]]), text[at[1]:]
		end := closing(body)
		errs = append(errs, r.object(kind, parameters(body[:end])))
		text = text[:at[0]] + "\n" + body[min(end+1, len(body)):]
	}
	for _, m := range legacyInclude.FindAllStringSubmatch(text, -1) {
		errs = append(errs, r.include(m[1]))
	}
	for _, m := range legacyAction.FindAllStringSubmatch(text, -1) {
		host, port := m[3], "514"
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		}
		protocol := map[string]string{"@": "udp", "@@": "tcp", "": "relp"}[m[1]]
		r.add("rsyslog", protocol, net.JoinHostPort(strings.Trim(host, "[]"), port))
	}
	return errors.Join(errs...)
}

// object takes action(...), module(...) or include(...).
func (r *rsyslog) object(kind string, p map[string]string) error {
	switch {
	case kind == "include":
		return r.include(p["file"])
	case kind == "module" && p["load"] == "impstats":
		if p["format"] == "json" || p["format"] == "cee" {
			r.stats = p["log.file"]
		}
	case kind == "action" && p["type"] == "omfwd" && p["target"] != "":
		protocol, port := p["protocol"], p["port"]
		if protocol == "" {
			protocol = "udp"
		}
		if port == "" {
			port = "514"
		}
		r.add("rsyslog", protocol, net.JoinHostPort(p["target"], port))
	case kind == "action" && p["type"] == "omrelp":
		port := p["port"]
		if port == "" {
			port = "514"
		}
		r.add("rsyslog", "relp", net.JoinHostPort(p["target"], port))
	case kind == "action" && p["type"] == "omelasticsearch":
		r.add("rsyslog", "http", p["server"])
	case kind == "action" && slices.Contains([]string{"omkafka", "omhttp", "omgssapi", "omhiredis", "ommongodb", "omamqp1"}, p["type"]):
		r.add("rsyslog", strings.TrimPrefix(p["type"], "om"), "not known")
	}
	return nil
}

func (r *rsyslog) include(pattern string) error {
	if !filepath.IsAbs(pattern) {
		return nil // relative to where rsyslog was started
	}
	pattern = filepath.Join(r.root, pattern)
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return fmt.Errorf("%s: %w", pattern, err)
	}
	errs := make([]error, 0, len(paths))
	for _, path := range paths {
		errs = append(errs, r.file(path))
	}
	return errors.Join(errs...)
}

func parameters(body string) map[string]string {
	p := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(body, -1) {
		p[strings.ToLower(m[1])] = m[2]
	}
	return p
}

// closing returns where the parenthesis closes that text begins behind; its
// end where none does.
func closing(text string) int {
	depth, quoted := 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// withoutComments leaves out what stands behind a # that is not in quotes.
func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "")) {
		quoted := false
		for i := range len(line) {
			if line[i] == '"' && (i == 0 || line[i-1] != '\\') {
				quoted = !quoted
			}
			if line[i] == '#' && !quoted {
				line = line[:i] + "\n"
				break
			}
		}
		b.WriteString(line)
	}
	return b.String()
}
