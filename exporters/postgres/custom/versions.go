package custom

import (
	"errors"
	"strconv"
	"strings"

	"tocsin/internal/lazy"
)

// versions are the servers that something is for: one of the ranges must have
// the server's version, all comparisons of a range must hold. None are all.
//
// Source: the ranges of postgres_exporter (github.com/blang/semver, "Ranges").
type versions [][]comparison

// A comparison is with a server_version_num's parts: 15.18 is 15.18.0, 9.6.24
// is itself.
type comparison struct {
	op      string
	version [3]int
}

var comparisonText = lazy.Regexp(`^(>=|<=|==|!=|>|<|=|!)?(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?$`)

var errVersions = errors.New(`is no range of versions; write one as ">=10.0.0 <14.0.0", with || between two ranges`)

func parseVersions(text string) (versions, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var all versions
	for alternative := range strings.SplitSeq(text, "||") {
		var one []comparison
		for _, word := range words(alternative) {
			m := comparisonText().FindStringSubmatch(word)
			if m == nil {
				return nil, errVersions
			}
			c := comparison{op: m[1]}
			for i := range c.version {
				c.version[i], _ = strconv.Atoi(m[2+i]) // digits, or nothing
			}
			one = append(one, c)
		}
		if len(one) == 0 {
			return nil, errVersions
		}
		all = append(all, one)
	}
	return all, nil
}

// words splits a range; an operator may stand apart from its version.
func words(text string) []string {
	var all []string
	for f := range strings.FieldsSeq(text) {
		if n := len(all); n > 0 && strings.Trim(all[n-1], "<>=!") == "" {
			all[n-1] += f
			continue
		}
		all = append(all, f)
	}
	return all
}

// has tells whether a server is among them, by its server_version_num.
func (v versions) has(number int) bool {
	version := [3]int{number / 10000, number % 10000, 0}
	if number < 100000 {
		version = [3]int{number / 10000, number / 100 % 100, number % 100}
	}
	for _, one := range v {
		holds := true
		for _, c := range one {
			holds = holds && c.holds(version)
		}
		if holds {
			return true
		}
	}
	return len(v) == 0
}

func (c comparison) holds(version [3]int) bool {
	order := 0
	for i := range version {
		if version[i] != c.version[i] {
			order = version[i] - c.version[i]
			break
		}
	}
	switch c.op {
	case ">=":
		return order >= 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case "<":
		return order < 0
	case "!=", "!":
		return order != 0
	}
	return order == 0
}
