package probe

import "fmt"

// Count says how many there are of something: 1 entry, 2 entries.
func Count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
