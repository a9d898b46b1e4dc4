package bricks

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/internal/jq"
	"tocsin/internal/lazy"
	"tocsin/internal/problem"
	"tocsin/internal/strict"
)

var (
	slug       = lazy.Regexp(`^[a-z][a-z0-9_-]{0,40}$`)
	word       = lazy.Regexp(`^[a-z][a-z0-9_]{0,40}$`)
	metricName = lazy.Regexp(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelName  = lazy.Regexp(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	alertName  = lazy.Regexp(`^[A-Z][A-Za-z0-9]*$`)
	repository = lazy.Regexp(`^[\w.-]+/[\w.-]+$`)
)

// Validate adds all that is wrong in the kind.
func (k *Kind) Validate(p problem.List) {
	switch {
	case k.Name == "":
		p.At("kind").Addf("is missing; write a word for the service, as etherpad")
	case !slug().MatchString(k.Name):
		p.At("kind").Addf("%q is no name; use small letters, digits, - and _, beginning with a letter", k.Name)
	}
	if len(k.Requests) == 0 {
		p.At("requests").Addf("is missing; write what the service is asked, as health: {path: /health}")
	}
	for _, name := range k.RequestNames() {
		k.Requests[name].validate(p.At("requests").At(name), name)
	}
	k.expression(p.At("health").At("jq"), k.Health.JQ, true)
	if k.Health.Words != "" {
		k.expression(p.At("health").At("words"), k.Health.Words, false)
	}
	for _, part := range []struct{ key, expr string }{{"version", k.Version.JQ}, {"start", k.Start.JQ}} {
		if part.expr != "" {
			k.expression(p.At(part.key).At("jq"), part.expr, true)
		}
	}
	k.validateMetrics(p.At("metrics"))
	k.Releases.validate(p.At("releases"))
	for i, a := range k.Alerts {
		a.validate(p.At("alerts").Index(i))
	}
	k.validatePanels(p.At("panels"))
	k.validateTests(p.At("tests"))
	if k.Probe != nil && k.Probe.Path != "" && !strings.HasPrefix(k.Probe.Path, "/") {
		p.At("probe").At("path").Addf("must begin with /")
	}
}

// expression proves one jq; where it starts at the answers it must read one.
func (k *Kind) expression(p problem.List, expr string, answers bool) {
	if _, err := jq.Compile(expr); err != nil {
		p.Addf("%v", err)
		return
	}
	if !answers || len(k.Requests) == 0 || len(k.Uses(expr)) > 0 {
		return
	}
	hint := "the requests are " + strings.Join(k.RequestNames(), ", ")
	for _, m := range regexp.MustCompile(`\.(\w+)`).FindAllStringSubmatch(expr, 1) {
		if near := strict.Nearest(m[1], k.RequestNames()); near != "" {
			hint = "did you mean ." + near + "?"
		}
	}
	p.Addf("reads the answer of no request; %s", hint)
}

func (r Request) validate(p problem.List, name string) {
	if !word().MatchString(name) {
		p.Addf("%q is no name; use small letters, digits and _, as expressions read it by .name", name)
	}
	if !slices.Contains(Adapters(), r.Adapter) {
		hint := "write one of " + strings.Join(Adapters(), ", ")
		if near := strict.Nearest(r.Adapter, Adapters()); near != "" {
			hint = "did you mean " + near + "?"
		}
		p.At("adapter").Addf("%q is no adapter; %s", r.Adapter, hint)
		return
	}
	for _, only := range []struct {
		key     string
		set, ok bool
		adapter string
	}{
		{"path", r.Path != "", r.HTTP(), "those of HTTP"},
		{"content_type", r.ContentType != "", r.HTTP(), "those of HTTP"},
		{"follow_redirects", r.FollowRedirects, r.HTTP(), "those of HTTP"},
		{"queries", len(r.Queries) > 0, r.Adapter == Postgres, "postgres"},
		{"pass", len(r.Pass) > 0, r.Adapter == HTTPPrometheus, "http_prometheus"},
		{"drop", len(r.Drop) > 0, r.Adapter == HTTPPrometheus, "http_prometheus"},
	} {
		if only.set && !only.ok {
			p.At(only.key).Addf("means nothing to the adapter %s; it is for %s", r.Adapter, only.adapter)
		}
	}
	if r.HTTP() && r.Path != "" && !strings.HasPrefix(r.Path, "/") {
		p.At("path").Addf("must begin with /, as /health")
	}
	if !slices.Contains([]string{"none", "basic", "bearer"}, r.Auth) {
		p.At("auth").Addf("%q is not known; write none, basic or bearer", r.Auth)
	}
	if r.Auth != "none" && r.FollowRedirects {
		p.At("follow_redirects").Addf("a request with credentials follows nobody; take one of the two away")
	}
	for i, s := range r.AcceptStatus {
		if s < 100 || s > 599 {
			p.At("accept_status").Index(i).Addf("%d is no status of HTTP", s)
		}
	}
	if d := time.Duration(r.Interval); d != 0 && (d < 5*time.Second || d > 24*time.Hour) {
		p.At("interval").Addf("%s is not between 5s and 24h", r.Interval)
	}
	if d := time.Duration(r.Timeout); d < 0 || d > 5*time.Minute {
		p.At("timeout").Addf("%s is not between 0s and 5m", r.Timeout)
	}
	r.validateLists(p)
}

func (r Request) validateLists(p problem.List) {
	if r.Adapter == Postgres && len(r.Queries) == 0 {
		p.At("queries").Addf("is missing; write queries by name, as forms: SELECT ...")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Queries)) {
		at, text := p.At("queries").At(name), strings.ToLower(strings.TrimSpace(r.Queries[name].Text))
		switch {
		case !word().MatchString(name):
			at.Addf("%q is no name; use small letters, digits and _", name)
		case !strings.HasPrefix(text, "select") && !strings.HasPrefix(text, "with"):
			at.Addf("must be a SELECT: a kind only reads")
		case strings.Contains(text, ";"):
			at.Addf("must be one statement without a semicolon")
		}
	}
	for key, list := range map[string][]string{"pass": r.Pass, "drop": r.Drop} {
		for i, pattern := range list {
			if _, err := path.Match(pattern, ""); err != nil || strings.Trim(pattern, "*?") == "" {
				p.At(key).Index(i).Addf("%q is no pattern of names; write one that begins with the metrics' prefix, as myapp_*", pattern)
			}
		}
	}
}

func (r Releases) validate(p problem.List) {
	set := 0
	for _, source := range []string{r.GitHub, r.GitLab, r.Gitea, r.Feed, r.Packages} {
		if source != "" {
			set++
		}
	}
	if set > 1 {
		p.Addf("has %d sources; keep one of github, gitlab, gitea, feed and packages", set)
	}
	if r.GitHub != "" && !repository().MatchString(r.GitHub) {
		p.At("github").Addf("%q is no repository; write owner/name, as ether/etherpad-lite", r.GitHub)
	}
	for _, source := range []struct{ key, value string }{{"gitlab", r.GitLab}, {"gitea", r.Gitea}, {"feed", r.Feed}, {"packages", r.Packages}} {
		if source.value != "" && !strings.HasPrefix(source.value, "https://") && !strings.HasPrefix(source.value, "http://") {
			p.At(source.key).Addf("is no URL; write one as https://forge.example/owner/name")
		}
	}
	if (r.Packages == "") != (r.Package == "") {
		p.At("package").Addf("belongs to packages; write both")
	}
	if r.Scheme != "" && !slices.Contains([]string{"loose", "deb"}, r.Scheme) {
		p.At("scheme").Addf("%q is not known; write loose or deb", r.Scheme)
	}
	grouped(p.At("tag"), r.Tag, `'^v?(\d+\.\d+\.\d+)$'`)
	if r.Line < 0 || r.Line > 4 {
		p.At("line").Addf("%d is not between 1 and 4; write how many leading numbers make a release line", r.Line)
	}
	if r.Tags && (r.Feed != "" || r.Packages != "") {
		p.At("tags").Addf("is for repositories at forges; take it away")
	}
}

// grouped wants a regular expression with a group.
func grouped(p problem.List, text, example string) {
	if text == "" {
		return
	}
	if re, err := regexp.Compile(text); err != nil || re.NumSubexp() == 0 {
		p.Addf("%q is no regular expression with a group ( ); write one as %s", text, example)
	}
}
