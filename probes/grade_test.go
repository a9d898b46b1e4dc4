package probes

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/frame"
	"tocsin/internal/testenv"
	"tocsin/probes/gradecheck"
	"tocsin/probes/httpprobe"
	"tocsin/probes/probetest"
	"tocsin/probes/tlscheck"
)

// gradedNginx serves pages with good headers, bad ones, and cookies, over
// https, and the way to them over http.
func gradedNginx(t *testing.T) (https, http, ca string) {
	t.Helper()
	testenv.Program(t, "nginx", "nginx-light")
	root := probetest.NewAuthority(t, probetest.Spec{Name: "Root"})
	pem, key := probetest.WritePair(t, root.Leaf(t, probetest.Spec{}))
	secure, plain := testenv.Port(t), testenv.Port(t)
	testenv.Nginx(t, fmt.Sprintf(`
server {
	listen 127.0.0.1:%[1]d ssl;
	ssl_certificate %[3]s;
	ssl_certificate_key %[4]s;
	default_type text/html;
	location /good {
		add_header Strict-Transport-Security "max-age=31536000" always;
		add_header Content-Security-Policy "default-src 'none'; script-src 'self'; frame-ancestors 'none'" always;
		add_header X-Content-Type-Options nosniff always;
		add_header Referrer-Policy strict-origin-when-cross-origin always;
		add_header Set-Cookie "sessionid=1; Secure; HttpOnly; SameSite=Lax";
		return 200 "<!doctype html><script src=/a.js></script>";
	}
	location /bad {
		add_header Set-Cookie "sessionid=1";
		return 200 "<!doctype html><script src=http://elsewhere.example/a.js></script>";
	}
	location /some {
		add_header Strict-Transport-Security "max-age=31536000";
		add_header X-Frame-Options SAMEORIGIN;
		add_header X-Content-Type-Options nosniff;
		return 200 "<!doctype html>";
	}
	location /gone { return 503; }
}
server {
	listen 127.0.0.1:%[2]d;
	location /good { return 301 https://localhost:%[1]d$request_uri; }
	location /some { return 301 https://localhost:%[1]d$request_uri; }
	location / { return 200 "sans TLS\n"; }
}`, secure, plain, pem, key))
	return fmt.Sprintf("https://localhost:%d", secure), fmt.Sprintf("http://localhost:%d", plain), probetest.WritePEM(t, root)
}

func gradeOf(t *testing.T, cfg Config) (page, string) {
	t.Helper()
	b, every, err := NewBeside(cfg, Options{})
	if err != nil || b == nil || every != gradecheck.DefaultEvery {
		t.Fatalf("%v, every %s: %v", b, every, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s := frame.NewSink(b.Families())
	if err := b.Collect(ctx, s); err != nil && !strings.Contains(err.Error(), "no data") {
		t.Fatal(err)
	}
	families, err := s.Page()
	if err != nil {
		t.Fatal(err)
	}
	return pageOf(families), b.Explain()
}

func TestHeaderGrade(t *testing.T) {
	https, http, ca := gradedNginx(t)
	for _, c := range []struct {
		path, promised, grade string
		score                 float64
		tests                 map[string]string
		explain               []string
	}{
		{"/good", "A+", "A+", 125, map[string]string{
			"content-security-policy": "csp-implemented-with-no-unsafe-default-src-none", "redirection": "redirection-to-https",
			"cookies": "cookies-secure-with-httponly-sessions-and-samesite", "x-frame-options": "x-frame-options-implemented-via-csp",
		}, nil},
		{"/some", "B", "B", 75, map[string]string{"content-security-policy": "csp-not-implemented"}, nil},
		{"/some", "B+", "B", 75, nil, []string{"header: the headers have grade B, and B+ is promised: content-security-policy -25; first add Content-Security-Policy: "}},
		{"/bad", "B", "F", 0, map[string]string{
			"redirection": "redirection-missing", "strict-transport-security": "hsts-not-implemented",
			"cookies": "cookies-session-without-secure-flag", "subresource-integrity": "sri-not-implemented-and-external-scripts-not-loaded-securely",
		}, []string{"grade F, and B is promised: ", "subresource-integrity -50", "cookies -40", "redirection -20"}},
	} {
		t.Run(c.path[1:], func(t *testing.T) {
			cfg := Config{Target: https + c.path, TLS: tlscheck.Config{CAFile: ca}, HTTP: httpprobe.Config{
				HeaderGrade: &gradecheck.Config{Promised: c.promised, HTTPURL: http + c.path},
			}}
			got, explain := gradeOf(t, cfg)
			got.wants(t, fmt.Sprintf("probe_http_header_grade_info{grade=%q}", c.grade), 1)
			got.wants(t, "probe_http_header_score", c.score)
			got.wants(t, "probe_http_header_algorithm_version", 6)
			got.wants(t, fmt.Sprintf("probe_http_header_promised_grade_info{grade=%q}", c.promised), 1)
			got.lacks(t, "probe_success")
			for test, result := range c.tests {
				got.wants(t, fmt.Sprintf("probe_http_header_test_result_info{result=%q,test=%q}", result, test), 1)
			}
			if (explain == "") != (c.explain == nil) {
				t.Errorf("it says %q", explain)
			}
			for _, part := range c.explain {
				if !strings.Contains(explain, part) {
					t.Errorf("it says %q, without %q", explain, part)
				}
			}
			_, main := look(t, cfg, Options{})
			main.wants(t, "probe_success", 1)
			main.lacks(t, "probe_http_header_score")
		})
	}
}

// What is told of a site beside its grade: a bad certificate costs points and
// no grade; what does not answer has none.
func TestHeaderGrade_badSites(t *testing.T) {
	https, http, _ := gradedNginx(t)
	told := func(target, from string) (page, string) {
		return gradeOf(t, Config{Target: target, HTTP: httpprobe.Config{HeaderGrade: &gradecheck.Config{HTTPURL: from}}})
	}
	got, explain := told(https+"/good", http+"/good")
	got.wants(t, `probe_http_header_test_result_info{result="hsts-invalid-cert",test="strict-transport-security"}`, 1)
	got.wants(t, `probe_http_header_test_result_info{result="redirection-invalid-cert",test="redirection"}`, 1)
	got.lacks(t, "probe_http_header_promised_grade_rank")
	if explain != "" {
		t.Errorf("nothing is promised, and it says %q", explain)
	}
	got, _ = told(https+"/good", fmt.Sprintf("http://localhost:%d", testenv.Port(t)))
	got.wants(t, `probe_http_header_test_result_info{result="redirection-not-needed-no-http",test="redirection"}`, 1)

	got, explain = told(https+"/gone", http)
	if len(got) > 0 || !strings.Contains(explain, "no grade") {
		t.Errorf("a 503 has %v; it says %q", got.sorted(), explain)
	}
	got, explain = told(fmt.Sprintf("https://localhost:%d", testenv.Port(t)), http)
	if len(got) > 0 || !strings.HasPrefix(explain, "refused: ") {
		t.Errorf("a dead site has %v; it says %q", got.sorted(), explain)
	}
}

// The account of one look tells the grade, and how to mend it.
func TestHeaderGrade_account(t *testing.T) {
	https, http, ca := gradedNginx(t)
	cfg := Config{Target: https + "/some", TLS: tlscheck.Config{CAFile: ca}, HTTP: httpprobe.Config{HeaderGrade: &gradecheck.Config{Promised: "A", HTTPURL: http + "/some"}}}
	r, err := Run(t.Context(), cfg, Options{})
	if err != nil || !r.Success {
		t.Fatal(err, r.Explain())
	}
	var b strings.Builder
	if err := WriteText(&b, &r, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the headers have grade B, score 75", "content-security-policy costs 25 points (csp-not-implemented): add Content-Security-Policy", "UP after", "\nbut the headers have grade B, and A is promised: content-security-policy -25"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the account lacks %q:\n%s", want, b.String())
		}
	}
}
