package engine

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/sd"
	"tocsin/internal/secret"
)

// listOf makes a remote of a server that answers /sd with body.
func listOf(t *testing.T, h Host, status int, body string) (*remote, *[][]sd.Group) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.Username != "" {
			if user, password, _ := r.BasicAuth(); user != h.Username || password != "marker-secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	h.Address = strings.TrimPrefix(server.URL, "http://")
	var sets [][]sd.Group
	r, err := newRemote(h, t.TempDir(), slog.New(slog.DiscardHandler), func(list []sd.Group) { sets = append(sets, list) })
	if err != nil {
		t.Fatal(err)
	}
	return r, &sets
}

func entryOf(path string, labels map[string]string) map[string]any {
	l := map[string]string{sd.LabelPath: path, sd.LabelInterval: "15s", sd.LabelTimeout: "10s", "job": "postgres", "instance": "db:main"}
	maps.Copy(l, labels)
	return map[string]any{"targets": []string{"evil.example:80"}, "labels": l}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRemote_takesPathsAndAllowedLabelsOnly(t *testing.T) {
	body := encode(t, []any{
		entryOf("/metrics/postgres/main", map[string]string{
			"host": "not-yours", "from": "not-you", "__scheme__": "file", "__address__": "evil.example:80", "__param_x": "y", "brick": "forge", "level": "free",
		}),
		entryOf("/metrics", map[string]string{"job": "node", "instance": "other"}),
		entryOf("/admin/delete", nil),
		entryOf("/metrics/../-/reload", nil),
		entryOf("/metrics/x?y=z", nil),
		entryOf("/metrics/a/fast", map[string]string{"instance": "fast", sd.LabelInterval: "1ms", sd.LabelTimeout: "1ms"}),
		entryOf("/metrics/a/never", map[string]string{"instance": "never", sd.LabelInterval: "10y"}),
		entryOf("/metrics/a/odd", map[string]string{"instance": "odd", sd.LabelTimeout: "20s"}),
		entryOf("/metrics/a/nameless", map[string]string{"instance": ""}),
		entryOf("/metrics/a/long", map[string]string{"instance": strings.Repeat("x", maxLabelValue+1)}),
	})
	r, sets := listOf(t, Host{Name: "db1", Labels: map[string]string{"level": "high"}}, http.StatusOK, body)
	r.refresh(t.Context())
	got := (*sets)[0]
	want := []sd.Group{
		{Targets: []string{r.host.Address}, Labels: map[string]string{
			"job": "node", "instance": "db1", "host": "db1", "from": "db1", "level": "high",
			sd.LabelPath: "/metrics", sd.LabelInterval: "5s", sd.LabelTimeout: "4s500ms",
		}},
		{Targets: []string{r.host.Address}, Labels: map[string]string{
			"job": "postgres", "instance": "db:main", "brick": "forge", "host": "db1", "from": "db1", "level": "high",
			sd.LabelPath: "/metrics/postgres/main", sd.LabelInterval: "15s", sd.LabelTimeout: "10s",
		}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRemote_aListThatCannotBeReadLeavesTheLastGoodOne(t *testing.T) {
	good := encode(t, []any{entryOf("/metrics/postgres/main", nil)})
	for name, answer := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"an error":     {http.StatusInternalServerError, "oops", "answered 500"},
		"a redirect":   {http.StatusFound, "", "answered 302"},
		"HTML":         {http.StatusOK, "<html>", "no list of targets"},
		"cut":          {http.StatusOK, good[:len(good)/2], "no list of targets"},
		"a flood":      {http.StatusOK, "[" + strings.Repeat(" ", maxList) + "]", "more than"},
		"many targets": {http.StatusOK, "[" + strings.Repeat("{},", maxTargets) + "{}]", "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := listOf(t, Host{Name: "db1"}, answer.status, answer.body)
			var list []sd.Group
			if err := json.Unmarshal([]byte(good), &list); err != nil {
				t.Fatal(err)
			}
			r.list = r.host.clean(list)
			r.refresh(t.Context())
			if len(r.groups()) != 2 {
				t.Errorf("%d targets, want the node and the last good list's", len(r.groups()))
			}
			if !strings.Contains(r.failing, answer.want) {
				t.Errorf("told %q, want %q", r.failing, answer.want)
			}
		})
	}
}

func TestRemote_theLastGoodListSurvivesARestart(t *testing.T) {
	r, _ := listOf(t, Host{Name: "../db1 x"}, http.StatusOK, encode(t, []any{entryOf("/metrics/postgres/main", nil)}))
	r.refresh(t.Context())
	again, err := newRemote(r.host, filepath.Dir(r.file), slog.New(slog.DiscardHandler), func([]sd.Group) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(again.groups()) != 2 {
		t.Errorf("after a restart %v", again.groups())
	}
	files, err := os.ReadDir(filepath.Dir(r.file))
	if err != nil || len(files) != 1 {
		t.Errorf("%v %v: want one file, inside the folder", files, err)
	}
}

func TestRemote_aTargetThatLeavesIsTold(t *testing.T) {
	r, _ := listOf(t, Host{Name: "db1"}, http.StatusOK, "[]")
	r.list = []sd.Group{{Labels: map[string]string{"job": "postgres", "instance": "db:main"}}}
	r.refresh(t.Context())
	if !slices.Equal(r.lost, []string{"postgres db:main"}) {
		t.Errorf("lost: %v", r.lost)
	}
}

func TestRemote_credentialsAreSentAndNeverTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, "marker-secret\n")
	for name, source := range map[string]secret.Source{"value": {Value: secret.New("marker-secret")}, "file": {File: file}} {
		t.Run(name, func(t *testing.T) {
			r, sets := listOf(t, Host{Name: "db1", Username: "hub", Password: source}, http.StatusOK, "[]")
			r.refresh(t.Context())
			if r.failing != "" || len(*sets) != 1 {
				t.Errorf("failing %q, sets %v", r.failing, *sets)
			}
			if text := fmt.Sprintf("%+v %v", r.host, *sets); strings.Contains(text, "marker") {
				t.Errorf("told: %s", text)
			}
		})
	}
}
