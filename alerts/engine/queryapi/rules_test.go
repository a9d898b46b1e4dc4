package queryapi_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/alerts/engine/queryapi"
)

const pagedRules = `groups:
  - name: a
    rules:
      - {alert: Hot, expr: "load > 1", labels: {severity: critical, team: web}}
      - {alert: Warm, expr: "load > 2", labels: {severity: info}}
  - name: b
    rules:
      - {record: "x:y", expr: "sum(load)", labels: {team: web}}
  - name: c
    rules:
      - {alert: Hot, expr: "load > 100", keep_firing_for: 1m}
      - {record: "x:z", expr: "sum(load)"}
`

// withRules is an API over evaluated rules.
func withRules(t *testing.T) http.Handler {
	t.Helper()
	db := newDB(t)
	fill(t, db, 3, 20)
	path := filepath.Join(t.TempDir(), "rules.yml")
	write(t, path, pagedRules)
	return queryapi.New(queryapi.Options{
		Engine: newEngine(), Queryable: db, Rules: ourRules(t, db, path, time.Unix(1_000_100, 0)),
	})
}

type rulesAnswer struct {
	Data struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Name, Type string
				Alerts     []any
			}
		}
		GroupNextToken string
	}
}

// names spells what an answer has as group/rule.
func (a rulesAnswer) names() (names []string) {
	for _, g := range a.Data.Groups {
		for _, r := range g.Rules {
			names = append(names, g.Name+"/"+r.Name)
		}
	}
	return names
}

func askRules(t *testing.T, h http.Handler, form string) rulesAnswer {
	t.Helper()
	status, body := get(t, h, "/api/v1/rules?"+form)
	var a rulesAnswer
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", form, status, body, err)
	}
	return a
}

// What 2.42 does not know is held by what the documentation of 3.x says.
func TestRules_filters(t *testing.T) {
	t.Parallel()
	h := withRules(t)
	for form, want := range map[string][]string{
		"":                                {"a/Hot", "a/Warm", "b/x:y", "c/Hot", "c/x:z"},
		"type=alert":                      {"a/Hot", "a/Warm", "c/Hot"},
		"type=Record":                     {"b/x:y", "c/x:z"},
		"rule_name[]=Hot":                 {"a/Hot", "c/Hot"},
		"rule_name[]=Hot&rule_name[]=x:y": {"a/Hot", "b/x:y", "c/Hot"},
		"rule_group[]=c&rule_group[]=b":   {"b/x:y", "c/Hot", "c/x:z"},
		"rule_group[]=c&rule_name[]=Hot":  {"c/Hot"},
		"file[]=other.yml":                nil,
		"match[]={team=%22web%22}":        {"a/Hot", "b/x:y"},
		"match[]={team=%22web%22,severity!=%22%22}":              {"a/Hot"},
		"match[]={severity=%22info%22}&match[]={team=%22web%22}": {"a/Hot", "a/Warm", "b/x:y"},
	} {
		if diff := cmp.Diff(want, askRules(t, h, form).names()); diff != "" {
			t.Errorf("rules?%s (-want +got)\n%s", form, diff)
		}
	}
	if n := len(askRules(t, h, "rule_name[]=Hot").Data.Groups[0].Rules[0].Alerts); n != 3 {
		t.Errorf("%d alerts of Hot, want 3", n)
	}
	_, body := get(t, h, "/api/v1/rules?exclude_alerts=TRUE&type=alert")
	if !strings.Contains(body, `"alerts":null`) || strings.Contains(body, "activeAt") {
		t.Errorf("alerts were to be left out: %s", body)
	}
}

func TestRules_pages(t *testing.T) {
	t.Parallel()
	h := withRules(t)
	for limit, want := range map[string][][]string{
		"1": {{"a/Hot", "a/Warm"}, {"b/x:y"}, {"c/Hot", "c/x:z"}},
		"2": {{"a/Hot", "a/Warm", "b/x:y"}, {"c/Hot", "c/x:z"}},
		"3": {{"a/Hot", "a/Warm", "b/x:y", "c/Hot", "c/x:z"}},
	} {
		var pages [][]string
		for token := ""; ; {
			a := askRules(t, h, "group_limit="+limit+token)
			pages = append(pages, a.names())
			if a.Data.GroupNextToken == "" || len(pages) > 5 {
				break
			}
			token = "&group_next_token=" + a.Data.GroupNextToken
		}
		if diff := cmp.Diff(want, pages); diff != "" {
			t.Errorf("pages of %s groups (-want +got)\n%s", limit, diff)
		}
	}
	// The last page that the filter fills has no token to an empty one.
	if a := askRules(t, h, "group_limit=1&rule_group[]=b"); a.Data.GroupNextToken != "" || !slices.Equal(a.names(), []string{"b/x:y"}) {
		t.Errorf("filtered page: %v, token %q", a.names(), a.Data.GroupNextToken)
	}
}

func TestRules_badParameters(t *testing.T) {
	t.Parallel()
	h := withRules(t)
	for form, want := range map[string]string{
		"group_limit=0":                    `invalid parameter \"group_limit\": group_limit needs to be greater than 0`,
		"group_limit=-1":                   `invalid parameter \"group_limit\": group_limit needs to be greater than 0`,
		"group_limit=x":                    `invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.Atoi: parsing \"x\": invalid syntax`,
		"group_next_token=x":               `invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups`,
		"group_next_token=x&group_limit=1": `invalid parameter \"group_next_token\": invalid group_next_token 'x'. were rule groups changed?`,
		"exclude_alerts=x":                 `invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax`,
		"type=x":                           `invalid parameter \"type\": not supported value \"x\"`,
		"match[]={":                        `parse error: unexpected end of input inside braces`,
		"match[]={a=~%22.*%22}":            `match[] must contain at least one non-empty matcher`,
	} {
		status, body := get(t, h, "/api/v1/rules?"+form)
		expect(t, form, status, body, http.StatusBadRequest, want)
	}
}

func TestRules_noneAtAll(t *testing.T) {
	t.Parallel()
	h := small(t, nil)
	for path, want := range map[string]string{
		"rules":    `{"status":"success","data":{"groups":[]}}`,
		"alerts":   `{"status":"success","data":{"alerts":[]}}`,
		"targets":  `{"status":"success","data":{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}}`,
		"metadata": `{"status":"success","data":{}}`,
	} {
		status, body := get(t, h, "/api/v1/"+path)
		expect(t, path, status, body, http.StatusOK, want)
	}
}
