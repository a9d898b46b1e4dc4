// Package size has sizes as an administrator writes them. It is not for
// rates, nor for durations, which have model.Duration.
package size

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size on disk, written with its unit: 500MB, 5GB, 2GiB.
type Bytes int64

// units are the units of Bytes, each factor a whole multiple of the next, so
// that the first that divides a size writes it shortest.
var units = [...]struct {
	name   string
	factor float64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

// UnmarshalText reads a number with its unit.
func (b *Bytes) UnmarshalText(text []byte) error {
	written := strings.TrimSpace(string(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(written, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n > 0) || n*u.factor > math.MaxInt64/2 {
			break
		}
		*b = Bytes(n * u.factor)
		return nil
	}
	return errors.New("this is no size; write a number with its unit, as 500MB, 5GB or 2GiB")
}

// MarshalText writes the size as UnmarshalText reads it.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String returns the size in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range units {
		if f := int64(u.factor); b != 0 && int64(b)%f == 0 {
			return fmt.Sprintf("%d%s", int64(b)/f, u.name)
		}
	}
	return "0B"
}
