package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tocsin/bricks"
	"tocsin/internal/sd"
)

// standIn is another host of a site, app1, that answers as a Tocsin does: for
// every kind it has a brick that is well, with the numbers that were recorded
// of a real one, a brick that is down, and a probe whose certificate nears its
// end; and two pages of updates, one of which cannot be had. So every kind's panels can be asked for without all of their servers.
type standIn struct {
	pages map[string]string // by path
	list  []sd.Group
}

// newStandIn serves it, and returns its address.
func newStandIn(t *testing.T) string {
	t.Helper()
	kinds, err := bricks.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := &standIn{pages: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	now := time.Now()
	s.add(address, "/metrics", "node", "app1", nil, fmt.Sprintf("node_load1 1\nnode_time_seconds %d\n", now.Unix()))
	for _, k := range kinds {
		well, down := k.Name+"-1", k.Name+"-2"
		s.add(address, "/metrics/brick/"+well, "brick", well, map[string]string{"brick": well, "kind": k.Name}, fmt.Sprintf(`%s
brick_up 1
brick_version_info{version="1.2.3"} 1
brick_start_time_seconds %d
brick_scrape_duration_seconds 0.01
brick_needs_info{needs="postgres/main"} 1
brick_request_success{request="status"} 1
brick_request_duration_seconds{request="status"} 0.01
`, healthyPage(t, k)+beyond[k.Name], now.Add(-time.Hour).Unix()))
		s.add(address, "/metrics/brick/"+down, "brick", down, map[string]string{"brick": down, "kind": k.Name}, `brick_up 0
brick_failure_info{reason="refused"} 1
brick_metric_missing{metric="some_number",reason="missing"} 1
brick_scrape_duration_seconds 0.01
`)
		site := "https://" + well + ".ville.example"
		s.add(address, "/metrics/probe/"+well, "probe", site, map[string]string{"brick": well, "kind": k.Name}, fmt.Sprintf(`probe_success 1
probe_duration_seconds 0.1
probe_ssl_earliest_cert_expiry %[1]d
probe_ssl_last_chain_expiry_timestamp_seconds %[1]d
`, now.Add(2*24*time.Hour).Unix()))
	}
	s.add(address, "/metrics/updates/app1", "updates", "app1", nil, fmt.Sprintf(updatesPage, now.Add(-48*time.Hour).Unix(), now.Add(-24*time.Hour).Unix(), now.Unix()))
	s.add(address, "/metrics/updates/gone", "updates", "gone", nil, "")
	delete(s.pages, "/metrics/updates/gone")
	return address
}

// beyond is what kinds pass on from their services as it is, and their
// recordings leave out.
var beyond = map[string]string{
	"prometheus": "prometheus_tsdb_head_samples_appended_total{type=\"float\"} 5587\nprocess_resident_memory_bytes 9e+07\n",
}

// updatesPage has one project that is behind and one that cannot be asked.
const updatesPage = `updatewatch_version_info{project="pad",deployed_from="brick/pad",deployed="2.2.6",line="2",line_newest="2.2.7",newest="2.2.7"} 1
updatewatch_version_info{project="cache",deployed_from="brick/cache",deployed="",line="",line_newest="",newest=""} 1
updatewatch_deployed_detected{project="pad",deployed_from="brick/pad"} 1
updatewatch_deployed_detected{project="cache",deployed_from="brick/cache"} 0
updatewatch_up_to_date{project="pad",deployed_from="brick/pad"} 0
updatewatch_releases_behind{project="pad",deployed_from="brick/pad"} 1
updatewatch_behind_since_timestamp_seconds{project="pad",deployed_from="brick/pad"} %d
updatewatch_security_update_waiting{project="pad",deployed_from="brick/pad"} 1
updatewatch_security_since_timestamp_seconds{project="pad",deployed_from="brick/pad"} %d
updatewatch_newer_line_available{project="pad",deployed_from="brick/pad"} 0
updatewatch_check_success{project="pad"} 1
updatewatch_check_success{project="cache"} 0
updatewatch_check_failure_info{project="cache",reason="timeout"} 1
updatewatch_last_success_timestamp_seconds{project="pad"} %d
updatewatch_check_interval_seconds{project="pad"} 3600
updatewatch_check_interval_seconds{project="cache"} 3600
updatewatch_check_duration_seconds{project="pad"} 0.2
updatewatch_rejected_tags{project="pad"} 3
updatewatch_window_overrun{project="pad"} 0
updatewatch_source_moved{project="pad"} 0
updatewatch_http_responses_total{forge="forge.ville.example",code="200"} 4
updatewatch_ratelimit_remaining{forge="forge.ville.example"} 58
updatewatch_announcements_total{result="ok"} 1
updatewatch_outbox_pending 0
`

func (s *standIn) add(address, path, job, instance string, labels map[string]string, page string) {
	all := map[string]string{
		sd.LabelJob: job, sd.LabelInstance: instance, sd.LabelPath: path, "host": "app1", "from": "app1",
		sd.LabelInterval: "5s", sd.LabelTimeout: "4s",
	}
	maps.Copy(all, labels)
	s.pages[path] = page
	s.list = append(s.list, sd.Group{Targets: []string{address}, Labels: all})
}

// ServeHTTP implements http.Handler.
func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/sd" {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(s.list); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		return
	}
	page, ok := s.pages[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprint(w, page)
}

// healthyPage is what was recorded of a service that is well.
func healthyPage(t *testing.T, k bricks.Kind) string {
	t.Helper()
	for _, recorded := range k.Tests {
		if recorded.Up != nil && *recorded.Up && recorded.Page != "" {
			return recorded.Page
		}
	}
	t.Fatalf("the kind %s has no recording of a service that is well", k.Name)
	return ""
}
