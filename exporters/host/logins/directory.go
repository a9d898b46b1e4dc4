package logins

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// directories are the services that bring log-ins from elsewhere: as
// nsswitch.conf(5) names them, what says that they are set up here, and the
// socket by which programs reach them. Red Hat names sss whether it is or not.
var directories = []struct{ source, settings, socket string }{
	{"sss", "etc/sssd/sssd.conf", "var/lib/sss/pipes/nss"},
	{"ldap", "etc/nslcd.conf", "run/nslcd/socket"},
}

// askDirectories tells for each directory that the machine's accounts come
// from whether its service takes a connection. It does not ask for anybody:
// a service that lives and has lost its server answers too.
func askDirectories(ctx context.Context, root string, tell func(source string, up bool)) error {
	sources, err := accountSources(filepath.Join(root, "etc/nsswitch.conf"))
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range directories {
		if !slices.Contains(sources, d.source) {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, d.settings)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(root, d.socket))
		switch {
		case err == nil:
			errs = append(errs, conn.Close())
			tell(d.source, true)
		case ctx.Err() != nil, errors.Is(err, fs.ErrPermission):
			errs = append(errs, err)
		default:
			tell(d.source, false)
		}
	}
	return errors.Join(errs...)
}

// accountSources are where accounts come from: the words after passwd:.
func accountSources(path string) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 64<<10))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if words, found := strings.CutPrefix(strings.TrimSpace(line), "passwd:"); found {
			return strings.Fields(words), nil
		}
	}
	return nil, lines.Err()
}
