package strict

import "strings"

// Nearest returns the word of the list that was probably meant by a word with
// a slip in it, or "" when none is close. Letter case and the choice between
// - and _ count for nothing; two neighbouring letters exchanged count for one.
func Nearest(word string, among []string) string {
	w := fold(word)
	best, least := "", allowed(w)+1
	for _, candidate := range among {
		if d := distance(w, fold(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// allowed is how many slips a word of this length may have: in a short word
// two slips make another word.
func allowed(word string) int {
	switch n := len(word); {
	case n <= 2:
		return 0
	case n <= 4:
		return 1
	case n <= 8:
		return 2
	default:
		return 3
	}
}

func fold(word string) string {
	return strings.ReplaceAll(strings.ToLower(word), "-", "_")
}

// distance counts insertions, deletions, replacements and exchanges of
// neighbours (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 { // no key is that long; keeps the cost bounded
		return len(a) + len(b)
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
