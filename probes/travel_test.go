package probes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/secret"
)

func TestTravelling_arrivesAsItWas(t *testing.T) {
	entries, wrong := read(t, `
- target: https://portail.ville.example/sante?detail=1
  name: portail
  from: [par1, lyon]
  on: app1
  job: sonde
  labels: {level: sensible}
  interval: 1m
  timeout: 50s
  method: HEAD
  status: [200, "3xx"]
  answer_headers: [{name: A, matches: b}]
  follow_redirects: off
  server_name: www.ville.example
  insecure_skip_verify: true
  ip_version: 6
- {target: https://a.example, body: {contains: bonjour, json: 'body.a == "b"'}, http2: false}
- {target: "tcp://mail.ville.example:25", tcp: {query_response: [{expect: "^220 "}]}}
- {target: "tcp://mail.ville.example:25", name: b, instance: b, tcp: {starttls: smtp}}
- {target: dns://9.9.9.9/ville.example, dns: {type: MX, valid_rcodes: [NXDOMAIN], validate_answer_rrs: {fail_if_matches_regexp: [x]}}}
- {target: icmp://gw.ville.example, icmp: {ttl: 3}}
- {target: grpcs://api.ville.example, grpc: {service: a.B}}
`)
	if wrong != nil {
		t.Fatal(wrong)
	}
	for _, c := range entries {
		text, err := c.Travelling()
		if err != nil {
			t.Errorf("%s: %v", c.Target, err)
			continue
		}
		got, err := Travelled(c.Target, text)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.Target, err, text)
			continue
		}
		want := c // but for what whoever asks keeps
		want.Name, want.From, want.On, want.InstanceLabel, want.Labels = "", nil, "", "", nil
		want.Job, want.Interval, want.RetryInterval = "probe", got.Interval, got.RetryInterval
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(secret.Text{})); diff != "" {
			t.Errorf("%s (-told +arrived)\n%s", c.Target, diff)
		}
	}
}

func TestTravelling_secretsFilesAndDeedsStay(t *testing.T) {
	for entry, want := range map[string]string{
		`{target: https://a.example, username: a, password: mark3r}`:                                             "username and password",
		`{target: https://a.example, username: a, password_file: /etc/mark3r}`:                                   "username and password_file",
		`{target: https://a.example, bearer_token: mark3r}`:                                                      "bearer_token",
		`{target: https://a.example, headers: {A: mark3r}}`:                                                      "headers",
		`{target: https://a.example, headers_file: {A: /etc/mark3r}}`:                                            "headers_file",
		`{target: https://a.example, method: POST, request_body: mark3r}`:                                        "method and request_body",
		`{target: https://a.example, proxy_url: "http://mark3r:3128"}`:                                           "proxy_url",
		`{target: https://a.example, ca_file: /etc/mark3r}`:                                                      "ca_file",
		`{target: https://a.example, cert_file: /etc/mark3r, key_file: /etc/mark3r}`:                             "cert_file and key_file",
		`{target: "tcp://a.example:25", tcp: {query_response: [{send: mark3r}]}}`:                                "tcp.query_response",
		`{target: "grpc://a.example:1", grpc: {metadata: {a: [mark3r]}}}`:                                        "grpc.metadata",
		`{target: "unix:///run/mark3r.sock"}`:                                                                    "unix://",
		`{target: https://a.example, body: {contains: "` + strings.Repeat("a", 7000) + `"}}`:                     "it has 7098 bytes, and at most 6144 can be told",
		`{target: icmp://a.example, icmp: {payload_size: 60000}}`:                                                "icmp.payload_size",
		`{target: https://a.example, username: a, password: mark3r, method: POST, insecure_skip_verify: true}`:   "username, password and method",
		`{target: "tls://a.example:636", cert_file: /etc/mark3r, key_file: /etc/mark3r, tls_min_version: "1.3"}`: "cert_file and key_file",
	} {
		entries, wrong := read(t, "- "+entry)
		if wrong != nil {
			t.Fatal(entry, wrong)
		}
		text, err := entries[0].Travelling()
		if err == nil || err.Error() != want || strings.Contains(text, "mark3r") {
			t.Errorf("%.120s: got %v, want %s; told %s", entry, err, want, text)
		}
	}
}

func TestTravelled_takesNothingElse(t *testing.T) {
	for _, c := range []struct{ target, entry, want string }{
		{"https://a.example", "method: POST", "method cannot be taken from another instance"},
		{"https://a.example", "password_file: /etc/shadow\nusername: a", "username and password_file cannot be taken from another instance"},
		{"https://a.example", "headers_file: {A: /etc/shadow}", "headers_file cannot be taken from another instance"},
		{"https://a.example", "ca_file: /etc/shadow", "ca_file cannot be taken from another instance"},
		{"https://a.example", "newer_key: 1", "newer_key: unknown key"},
		{"https://a.example", "target: https://b.example", "target stands in the entry, too"},
		{"https://a.example", "status: [abc]", `status[0]: is no status; write one as 200, a range as 200-204, or a class as "2xx"`},
		{"unix:///run/a.sock", "timeout: 1s", "unix:// cannot be taken from another instance"},
		{"gopher://a.example", "timeout: 1s", "target cannot be taken from another instance"},
		{"", "timeout: 1s", "target cannot be taken from another instance"},
		{"https://a.example", "timeout: 2h", "interval: 2h is not between 1s and 1h; usual is 30s"},
		{"https://a.example", strings.Repeat("#", 7000), "the entry has 7000 bytes, and at most 6144 are taken"},
	} {
		if _, err := Travelled(c.target, c.entry); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s with %.40s: got %v, want %s", c.target, c.entry, err, c.want)
		}
	}
}

func FuzzTravelled(f *testing.F) {
	f.Add("https://a.example", "method: HEAD\nbody: {contains: a}\n")
	f.Add("tcp://a.example:25", "tcp: {query_response: [{send: a}]}")
	f.Add("https://a.example", "headers_file: {A: /etc/shadow}")
	f.Fuzz(func(t *testing.T, target, entry string) {
		c, err := Travelled(target, entry)
		if err != nil {
			return
		}
		if _, err := c.Travelling(); err != nil && !strings.Contains(err.Error(), "bytes") {
			t.Errorf("%q with %q was taken, and could not travel: %v", target, entry, err)
		}
	})
}
