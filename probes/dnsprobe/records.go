package dnsprobe

import (
	"fmt"
	"regexp"

	"github.com/miekg/dns"
)

// rules are Records made ready.
type rules struct {
	section                            string // in words
	matches, allMatch, notMatch, never []*regexp.Regexp
}

func (r *Records) ready(section string) (*rules, error) {
	out := &rules{section: section}
	lists := r.lists()
	for i, into := range []*[]*regexp.Regexp{&out.matches, &out.allMatch, &out.notMatch, &out.never} {
		for _, text := range lists[i].texts {
			re, err := regexp.Compile(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", lists[i].key, err)
			}
			*into = append(*into, re)
		}
	}
	return out, nil
}

// judge says what is wrong with the records; empty when nothing is.
func (r *rules) judge(records []dns.RR) string {
	if len(records) == 0 && len(r.notMatch)+len(r.never) > 0 {
		return fmt.Sprintf("there is no record in %s, and some must match %q", r.section, append(r.notMatch, r.never...)[0])
	}
	all, any := true, false
	for _, record := range records {
		text := record.String()
		for _, re := range r.matches {
			if re.MatchString(text) {
				return fmt.Sprintf("%q in %s matches %q, and must not", text, r.section, re)
			}
		}
		for _, re := range r.allMatch {
			all = all && re.MatchString(text)
		}
		for _, re := range r.notMatch {
			if !re.MatchString(text) {
				return fmt.Sprintf("%q in %s does not match %q", text, r.section, re)
			}
		}
		for _, re := range r.never {
			any = any || re.MatchString(text)
		}
	}
	switch {
	case len(r.allMatch) > 0 && all && len(records) > 0:
		return fmt.Sprintf("all records in %s match %q, and must not", r.section, r.allMatch)
	case len(r.never) > 0 && !any:
		return fmt.Sprintf("no record in %s matches %q", r.section, r.never)
	default:
		return ""
	}
}
