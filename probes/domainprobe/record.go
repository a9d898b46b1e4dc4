package domainprobe

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A record is what a registry says of a domain.
type record struct {
	expiry    time.Time // zero when the registry does not tell
	registrar string    // empty when it does not tell
	status    []string  // in the words of RDAP, each once
}

// parseRecord reads the answer to a question about a domain (RFC 9083, section
// 5.3). What is optional there may be missing.
func parseRecord(body []byte, domain string) (*record, error) {
	var answer struct {
		Class  string   `json:"objectClassName"`
		Name   string   `json:"ldhName"`
		Status []string `json:"status"`
		Events []struct {
			Action string `json:"eventAction"`
			Date   string `json:"eventDate"`
		} `json:"events"`
		Entities []entity `json:"entities"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("the registry's answer is no RDAP: %w", err)
	}
	switch name := strings.ToLower(strings.TrimSuffix(answer.Name, ".")); {
	case answer.Class != "domain":
		return nil, errors.New("the registry's answer is about no domain")
	case name != "" && name != domain:
		return nil, fmt.Errorf("the registry's answer is about another domain, %s", name)
	}
	r := &record{}
	for _, s := range answer.Status {
		if s = strings.ToLower(strings.TrimSpace(s)); !slices.Contains(r.status, s) && len(r.status) < maxStatus {
			r.status = append(r.status, s)
		}
	}
	for _, e := range answer.Events {
		at, err := time.Parse(time.RFC3339, e.Date)
		if e.Action == "expiration" && err == nil && at.Year() > 1970 && (r.expiry.IsZero() || at.Before(r.expiry)) {
			r.expiry = at
		}
	}
	for i := range answer.Entities {
		if e := &answer.Entities[i]; slices.Contains(e.Roles, "registrar") && r.registrar == "" {
			r.registrar = e.name()
		}
	}
	return r, nil
}

// An entity is somebody who has to do with a domain.
type entity struct {
	Roles  []string        `json:"roles"`
	Handle string          `json:"handle"`
	VCard  json.RawMessage `json:"vcardArray"` // "vcard", and the list of its properties
}

// name is the formatted name of the entity's vCard (RFC 7095: each property is
// its name, parameters, type and value), or else its handle.
func (e *entity) name() string {
	var card []json.RawMessage
	var properties [][]json.RawMessage
	if json.Unmarshal(e.VCard, &card) == nil && len(card) == 2 && json.Unmarshal(card[1], &properties) == nil {
		for _, p := range properties {
			var key, value string
			if len(p) >= 4 && json.Unmarshal(p[0], &key) == nil && key == "fn" && json.Unmarshal(p[3], &value) == nil && value != "" {
				return value
			}
		}
	}
	return e.Handle
}

// maxStatus bounds what is kept of a domain's status; there are 32 of them.
const maxStatus = 40

// bad are the status by which a domain is out of the DNS or about to be lost
// (RFC 8056, section 2, and RFC 3915), in words.
var bad = map[string]string{
	"client hold":       "its registrar has taken it out of the DNS",
	"server hold":       "its registry has taken it out of the DNS",
	"inactive":          "it has no name servers",
	"redemption period": "it was deleted, and can be bought back for some weeks only",
	"pending restore":   "it was deleted, and is being bought back",
	"pending delete":    "it is about to be deleted, for anybody to register",
}

// harmless are the others of IANA's list "RDAP JSON Values" that a domain has.
var harmless = []string{
	"active", "locked", "validated", "associated", "obscured", "private", "proxy", "removed", "administrative", "reserved",
	"renew prohibited", "update prohibited", "transfer prohibited", "delete prohibited",
	"pending create", "pending renew", "pending transfer", "pending update",
	"add period", "auto renew period", "renew period", "transfer period",
	"client delete prohibited", "client renew prohibited", "client transfer prohibited", "client update prohibited",
	"server delete prohibited", "server renew prohibited", "server transfer prohibited", "server update prohibited",
}

// known is a status as a label says it.
func known(status string) string {
	if _, ok := bad[status]; ok || slices.Contains(harmless, status) {
		return status
	}
	return "other"
}

// wrong says what is wrong with the registration at a moment; nothing when all
// is well.
func (r *record) wrong(now time.Time) string {
	for _, s := range r.status {
		if text, ok := bad[s]; ok {
			return fmt.Sprintf("the registry says %q: %s", s, text)
		}
	}
	if !r.expiry.IsZero() && now.After(r.expiry) {
		return "the registration ended on " + r.expiry.UTC().Format(time.DateOnly)
	}
	return ""
}
