package version

import (
	"bufio"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// rows reads a file of tab-separated columns whose first line explains it.
func rows(t *testing.T, path string, columns int) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all [][]string
	for in := bufio.NewScanner(f); in.Scan(); {
		if strings.HasPrefix(in.Text(), "#") {
			continue
		}
		row := strings.Split(in.Text(), "\t")
		if len(row) < columns {
			t.Fatalf("%s: a row has %d columns: %q", path, len(row), in.Text())
		}
		all = append(all, row)
	}
	return all
}

// Pairs that were gathered by hand, in the projects' own tag styles: all right.
func TestCompare_pairs(t *testing.T) {
	right := 0
	pairs := rows(t, "testdata/version-pairs.tsv", 8)
	for _, r := range pairs {
		n, a, b, want := r[0], r[2], r[3], r[4]
		if r[5] != "" {
			re := regexp.MustCompile(r[5])
			for side, tag := range map[*string]string{&a: r[2], &b: r[3]} {
				if v, ok := joined(re, tag); ok {
					*side = v
				}
			}
		}
		if a != r[6] || b != r[7] {
			t.Errorf("pair %s: extracted %q and %q, want %q and %q", n, a, b, r[6], r[7])
		}
		scheme := Loose
		if strings.HasPrefix(r[1], "Debian pkg") || r[1] == "Publik" {
			scheme = Deb
		}
		va, errA := scheme.Parse(a)
		vb, errB := scheme.Parse(b)
		if errA != nil || errB != nil {
			t.Errorf("pair %s: %q: %v, %q: %v", n, a, errA, b, errB)
			continue
		}
		c, back := va.Compare(vb), vb.Compare(va)
		ok := c == -back && (want == "<" && c < 0 || want == "=" && c == 0 || want == ">=" && c >= 0)
		if !ok {
			t.Errorf("pair %s: %q against %q is %d (and back %d), want %s", n, a, b, c, back, want)
			continue
		}
		right++
	}
	t.Logf("%d/%d pairs", right, len(pairs))
	if right != 90 || len(pairs) != 90 {
		t.Errorf("%d of %d pairs are right, want 90 of 90", right, len(pairs))
	}
}

// Real tags of 25 repositories: the later tag of a release line is the newer
// version, but for noise in that truth itself.
func TestCompare_realTags(t *testing.T) {
	right, wrong, refused, moved := 0, 0, 0, 0
	var before []string
	for _, r := range rows(t, "testdata/release-tags.tsv", 5) {
		if _, err := strconv.Atoi(r[1]); err != nil {
			t.Fatal(err)
		}
		if r[4] != "-" {
			old, errA := Loose.Parse(before[3])
			fresh, errB := Loose.Parse(r[3])
			ok := false
			switch {
			case errA != nil || errB != nil:
				refused++
				t.Logf("refused: %q or %q", before[3], r[3])
			case old.Compare(fresh) < 0:
				ok = true
				right++
			default:
				wrong++
			}
			if ok != (r[4] == "ok") {
				moved++
				t.Logf("%s: %s then %s: newer %t, the data say %s", r[0], before[2], r[2], ok, r[4])
			}
		}
		before = r
	}
	all := right + wrong + refused
	share := 100 * float64(right) / float64(all)
	t.Logf("%d of %d consecutive tags (%.2f %%), %d wrong, %d refused, %d judged otherwise than the data", right, all, share, wrong, refused, moved)
	if all != 5223 || share < 97.55 || refused > 0 {
		t.Errorf("%d of %d are right (%.2f %%), %d refused; want at least 97.6 %% of 5223, none refused", right, all, share, refused)
	}
}
