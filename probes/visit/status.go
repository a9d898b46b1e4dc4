package visit

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Statuses is a list of statuses as the site file has them; one may be written
// without brackets.
type Statuses []string

// Shape lets one status be written without brackets.
func (s *Statuses) Shape(kind yaml.Kind, scalar string) (any, error) {
	switch kind {
	case yaml.ScalarNode:
		*s = Statuses{scalar}
		return nil, nil //nolint:nilnil // the scalar has told everything
	case yaml.SequenceNode:
		return (*[]string)(s), nil
	}
	return nil, errors.New(`must be a status or a list of them, as [200, 204] or ["2xx", 401]`)
}

// A StatusRange is the statuses that are good, from First to Last.
type StatusRange struct{ First, Last int }

// ParseStatus reads 200, 2xx or 200-204.
func ParseStatus(s string) (StatusRange, error) {
	first, last, isRange := strings.Cut(strings.TrimSpace(s), "-")
	if !isRange {
		last = first
	}
	if len(first) == 3 && strings.EqualFold(first[1:], "xx") && !isRange {
		first, last = first[:1]+"00", first[:1]+"99"
	}
	a, errA := strconv.Atoi(strings.TrimSpace(first))
	b, errB := strconv.Atoi(strings.TrimSpace(last))
	if errA != nil || errB != nil || a < 100 || b > 599 || a > b {
		return StatusRange{}, fmt.Errorf(`is no status; write one as 200, a range as 200-204, or a class as "2xx"`)
	}
	return StatusRange{First: a, Last: b}, nil
}

// GoodStatus tells whether a status is one of those wanted; without any, one
// of 200 to 299.
func GoodStatus(wanted []StatusRange, status int) bool {
	if len(wanted) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.ContainsFunc(wanted, func(r StatusRange) bool { return status >= r.First && status <= r.Last })
}

// WrongStatus says what is wrong with a status that is not wanted.
func WrongStatus(wanted []StatusRange, status int) error {
	var expected []string
	for _, r := range wanted {
		switch {
		case r.First == r.Last:
			expected = append(expected, strconv.Itoa(r.First))
		case r.First%100 == 0 && r.Last == r.First+99:
			expected = append(expected, fmt.Sprintf("%dxx", r.First/100))
		default:
			expected = append(expected, fmt.Sprintf("%d to %d", r.First, r.Last))
		}
	}
	if expected == nil {
		expected = []string{"2xx"}
	}
	text := http.StatusText(status)
	if text != "" {
		text = " " + text
	}
	return fmt.Errorf("the answer is %d%s, not %s", status, text, strings.Join(expected, " or "))
}
