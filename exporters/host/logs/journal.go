package logs

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// readJournal reads what journald sends elsewhere: ForwardToSocket= of
// journald.conf(5), and URL= of journal-upload.conf(5) where the service is
// enabled. ForwardToSyslog= stays on the machine.
func readJournal(root string) (forwarding, error) {
	var f forwarding
	socket, found, err := setting(root, "journald.conf", "Journal", "ForwardToSocket")
	_, runs := os.Stat(filepath.Join(root, "run/systemd/journal"))
	f.found = found || runs == nil
	if socket != "" {
		f.add("journald", "socket", socket)
	}
	address, _, err2 := setting(root, "journal-upload.conf", "Upload", "URL")
	if address != "" && uploads(root) {
		if !strings.Contains(address, "://") {
			address = "https://" + address
		}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			u = &url.URL{Scheme: "https", Host: "not known"}
		}
		f.add("upload", u.Scheme, u.Host) // without a password in it
	}
	return f, errors.Join(err, err2)
}

// uploads tells whether the service that uploads the journal is enabled.
func uploads(root string) bool {
	links, _ := filepath.Glob(filepath.Join(root, "etc/systemd/system/*.wants/systemd-journal-upload.service")) // the pattern is ours
	return len(links) > 0
}

// setting returns the last value of a key in a file of /etc/systemd and what
// is dropped in beside it, and whether there is any such file.
func setting(root, name, section, key string) (value string, found bool, err error) {
	path := filepath.Join(root, "etc/systemd", name)
	more, _ := filepath.Glob(path + ".d/*.conf")
	var errs []error
	for _, path := range append([]string{path}, more...) {
		text, err := readSettings(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		found = true
		errs = append(errs, err)
		in := ""
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") {
				in = strings.Trim(line, "[]")
			}
			if k, v, ok := strings.Cut(line, "="); ok && in == section && strings.TrimSpace(k) == key {
				value = strings.TrimSpace(v)
			}
		}
	}
	return value, found, errors.Join(errs...)
}
