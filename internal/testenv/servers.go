package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Prometheus runs Debian's Prometheus with this configuration until the test
// ends, and returns its address, http://127.0.0.1:PORT, once it is ready.
// More arguments are given to it as they are.
func Prometheus(t testing.TB, configYAML string, args ...string) string {
	t.Helper()
	program := Program(t, "prometheus", "prometheus")
	dir := t.TempDir()
	config := write(t, dir, "prometheus.yml", configYAML)
	address := fmt.Sprintf("127.0.0.1:%d", Port(t))
	p := Start(t, program, append([]string{
		"--config.file=" + config,
		"--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address,
		"--web.enable-lifecycle",
	}, args...)...)
	url := "http://" + address
	p.waitHTTP(t, url+"/-/ready")
	return url
}

// Alertmanager runs Debian's Alertmanager with this configuration, alone (no
// cluster), until the test ends, and returns its address once it is ready.
func Alertmanager(t testing.TB, configYAML string, args ...string) string {
	t.Helper()
	program := Program(t, "prometheus-alertmanager", "prometheus-alertmanager")
	dir := t.TempDir()
	config := write(t, dir, "alertmanager.yml", configYAML)
	address := fmt.Sprintf("127.0.0.1:%d", Port(t))
	p := Start(t, program, append([]string{
		"--config.file=" + config,
		"--storage.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address,
		"--cluster.listen-address=",
	}, args...)...)
	url := "http://" + address
	p.waitHTTP(t, url+"/-/ready")
	return url
}

// Nginx runs nginx with conf inside its http block, typically one or more
// server blocks with absolute paths, until the test ends. It returns once
// nginx listens on all that conf names.
func Nginx(t testing.TB, conf string) *Process {
	t.Helper()
	program := Program(t, "nginx", "nginx-light")
	dir := t.TempDir()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // workers must read the test's folders, which are 0700
	}
	pid := filepath.Join(dir, "nginx.pid")
	config := write(t, dir, "nginx.conf", user+fmt.Sprintf(`daemon off;
worker_processes 1;
pid %[2]s;
error_log stderr info;
events { worker_connections 256; }
http {
	access_log /dev/stdout;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
%[3]s
}
`, dir, pid, conf))
	p := Start(t, program, "-e", "stderr", "-p", dir, "-c", config)
	// nginx writes its pid file once it has bound its listeners.
	Eventually(t, httpPatience, "nginx listens", func(context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		content, err := os.ReadFile(pid)
		if err == nil && len(content) == 0 {
			err = errors.New("its pid file is empty")
		}
		return err
	})
	return p
}

// waitHTTP is WaitHTTP for a server of ours, which may have ended.
func (p *Process) waitHTTP(t testing.TB, url string) {
	t.Helper()
	client := waitClient()
	Eventually(t, httpPatience, url, func(ctx context.Context) error {
		if err := p.alive(); err != nil {
			return err
		}
		return answers(ctx, client, url)
	})
}

func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
