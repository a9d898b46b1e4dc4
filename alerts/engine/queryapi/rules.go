package queryapi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
)

type ruleGroups struct {
	Groups    []ruleGroup `json:"groups"`
	NextToken string      `json:"groupNextToken,omitempty"`
}

type ruleGroup struct {
	Name           string    `json:"name"`
	File           string    `json:"file"`
	Rules          []any     `json:"rules"` // alertingRule and recordingRule, in the file's order
	Interval       float64   `json:"interval"`
	Limit          int       `json:"limit"`
	EvaluationTime float64   `json:"evaluationTime"`
	LastEvaluation time.Time `json:"lastEvaluation"`
}

type alertingRule struct {
	State          string           `json:"state"`
	Name           string           `json:"name"`
	Query          string           `json:"query"`
	Duration       float64          `json:"duration"`
	KeepFiringFor  float64          `json:"keepFiringFor"`
	Labels         labels.Labels    `json:"labels"`
	Annotations    labels.Labels    `json:"annotations"`
	Alerts         []alert          `json:"alerts"`
	Health         rules.RuleHealth `json:"health"`
	LastError      string           `json:"lastError,omitempty"`
	EvaluationTime float64          `json:"evaluationTime"`
	LastEvaluation time.Time        `json:"lastEvaluation"`
	Type           string           `json:"type"`
}

type recordingRule struct {
	Name           string           `json:"name"`
	Query          string           `json:"query"`
	Labels         labels.Labels    `json:"labels"`
	Health         rules.RuleHealth `json:"health"`
	LastError      string           `json:"lastError,omitempty"`
	EvaluationTime float64          `json:"evaluationTime"`
	LastEvaluation time.Time        `json:"lastEvaluation"`
	Type           string           `json:"type"`
}

type alert struct {
	Labels          labels.Labels `json:"labels"`
	Annotations     labels.Labels `json:"annotations"`
	State           string        `json:"state"`
	ActiveAt        time.Time     `json:"activeAt"`
	KeepFiringSince *time.Time    `json:"keepFiringSince,omitempty"`
	Value           string        `json:"value"`
}

func (a *api) alerts(_ *http.Request, out *reply) error {
	found := []alert{}
	if source := a.Rules(); source != nil {
		for _, rule := range source.AlertingRules() {
			found = append(found, alertsOf(rule)...)
		}
	}
	return out.send(struct {
		Alerts []alert `json:"alerts"`
	}{found}, nil, "")
}

func alertsOf(rule *rules.AlertingRule) []alert {
	active := rule.ActiveAlerts()
	found := make([]alert, len(active))
	for i, one := range active {
		found[i] = alert{
			Labels: one.Labels, Annotations: one.Annotations, State: one.State.String(), ActiveAt: one.ActiveAt,
			Value: strconv.FormatFloat(one.Value, 'e', -1, 64),
		}
		if !one.KeepFiringSince.IsZero() {
			found[i].KeepFiringSince = &one.KeepFiringSince
		}
	}
	return found
}

// A ruleFilter is what a client wants of the rules. Empty lists want all.
type ruleFilter struct {
	names, groups, files []string
	sets                 [][]*labels.Matcher
	kind                 string // alert, record, or both if empty
	withoutAlerts        bool
	max                  int    // groups on one page; 0 is no paging
	from                 string // the token of the page's first group
}

func (a *api) ruleFilter(r *http.Request) (ruleFilter, error) {
	f := ruleFilter{names: r.Form["rule_name[]"], groups: r.Form["rule_group[]"], files: r.Form["file[]"]}
	var err error
	if f.sets, err = a.matchers(r); err != nil {
		return f, fail(badData, err)
	}
	f.kind = strings.ToLower(r.FormValue("type"))
	if !slices.Contains([]string{"", "alert", "record"}, f.kind) {
		return f, invalid("type", fmt.Errorf("not supported value %q", f.kind))
	}
	if s := strings.ToLower(r.FormValue("exclude_alerts")); s != "" {
		if f.withoutAlerts, err = strconv.ParseBool(s); err != nil {
			return f, invalid("exclude_alerts", fmt.Errorf("error converting exclude_alerts: %w", err))
		}
	}
	f.from = r.FormValue("group_next_token")
	s := r.FormValue("group_limit")
	if s == "" {
		if f.from != "" {
			return f, invalid("group_next_token", errors.New("group_limit needs to be present in order to paginate over the groups"))
		}
		return f, nil
	}
	if f.max, err = strconv.Atoi(s); err != nil {
		return f, invalid("group_limit", fmt.Errorf("group_limit needs to be a valid number: %w", err))
	}
	if f.max <= 0 {
		return f, invalid("group_limit", errors.New("group_limit needs to be greater than 0"))
	}
	return f, nil
}

func (a *api) rules(r *http.Request, out *reply) error {
	f, err := a.ruleFilter(r)
	if err != nil {
		return err
	}
	page := ruleGroups{Groups: []ruleGroup{}}
	var all []*rules.Group
	if source := a.Rules(); source != nil {
		all = source.RuleGroups()
	}
	if f.from != "" {
		first := slices.IndexFunc(all, func(g *rules.Group) bool { return pageToken(g) == f.from })
		if first < 0 {
			return invalid("group_next_token", fmt.Errorf("invalid group_next_token '%s'. were rule groups changed?", f.from))
		}
		all = all[first:]
	}
	for _, g := range all {
		if !wanted(f.groups, g.Name()) || !wanted(f.files, g.File()) {
			continue
		}
		found := f.rulesOf(g)
		if len(found) == 0 {
			continue // the filter left nothing of this group
		}
		if f.max > 0 && len(page.Groups) == f.max {
			page.NextToken = pageToken(g)
			break
		}
		page.Groups = append(page.Groups, ruleGroup{
			Name: g.Name(), File: g.File(), Rules: found, Interval: g.Interval().Seconds(), Limit: g.Limit(),
			EvaluationTime: g.GetEvaluationTime().Seconds(), LastEvaluation: g.GetLastEvaluation(),
		})
	}
	return out.send(page, nil, "")
}

func wanted(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }

// pageToken names a group for a client that reads page by page.
func pageToken(g *rules.Group) string {
	sum := sha256.Sum256([]byte(g.File() + ";" + g.Name()))
	return hex.EncodeToString(sum[:])
}

// rulesOf returns the group's rules that the filter wants.
func (f ruleFilter) rulesOf(g *rules.Group) []any {
	var found []any
	for _, one := range g.Rules(f.sets...) {
		if !wanted(f.names, one.Name()) {
			continue
		}
		lastError := ""
		if err := one.LastError(); err != nil {
			lastError = err.Error()
		}
		switch rule := one.(type) {
		case *rules.AlertingRule:
			if f.kind == "record" {
				continue
			}
			var active []alert // null when they are not wanted
			if !f.withoutAlerts {
				active = alertsOf(rule)
			}
			found = append(found, alertingRule{
				State: rule.State().String(), Name: rule.Name(), Query: rule.Query().String(),
				Duration: rule.HoldDuration().Seconds(), KeepFiringFor: rule.KeepFiringFor().Seconds(),
				Labels: rule.Labels(), Annotations: rule.Annotations(), Alerts: active,
				Health: rule.Health(), LastError: lastError, Type: "alerting",
				EvaluationTime: rule.GetEvaluationDuration().Seconds(), LastEvaluation: rule.GetEvaluationTimestamp(),
			})
		case *rules.RecordingRule:
			if f.kind == "alert" {
				continue
			}
			found = append(found, recordingRule{
				Name: rule.Name(), Query: rule.Query().String(), Labels: rule.Labels(),
				Health: rule.Health(), LastError: lastError, Type: "recording",
				EvaluationTime: rule.GetEvaluationDuration().Seconds(), LastEvaluation: rule.GetEvaluationTimestamp(),
			})
		}
	}
	return found
}
