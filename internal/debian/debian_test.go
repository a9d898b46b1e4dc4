package debian

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/testenv"
)

// Each version is older than the next one, as dpkg says.
var ascending = []string{
	"0~~", "0~", "0", "0.9~rc1-1", "0.9-1", "0.9a-1", "0.9+b1-1", "0.9.1-1", "0.10-1", "1.0~~~", "1.0~a", "1.0", "1.0-0+deb12u1", "1.0-1~bpo12+1",
	"1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-10", "1.0-a", "1.0a", "1.0.0", "2024a-0+deb12u1", "2024b-0+deb12u1", "1:0.1", "2:0",
}

func TestCompare_isTheOrderOfDpkg(t *testing.T) {
	dpkg := testenv.Program(t, "dpkg", "dpkg")
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got := Compare(a, b); got != want {
				t.Errorf("%s against %s is %d, want %d", a, b, got, want)
			}
		}
		if i > 0 && exec.CommandContext(t.Context(), dpkg, "--compare-versions", ascending[i-1], "lt", a).Run() != nil {
			t.Errorf("dpkg does not say that %s is older than %s", ascending[i-1], a)
		}
	}
}

// read returns the wanted fields of all stanzas.
func read(in *Scanner, fields int) [][]string {
	var all [][]string
	for in.Scan() {
		var values []string
		for i := range fields {
			values = append(values, in.Text(i))
		}
		all = append(all, values)
	}
	return all
}

func TestScanner_keepsWhatIsWanted(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want [][]string
		err  string
	}{
		"empty":             {"", nil, ""},
		"blank lines":       {"\n\n\n", nil, ""},
		"one":               {"A: 1\nB: 2\n", [][]string{{"1", "2"}}, ""},
		"no end of line":    {"A: 1\nB: 2", [][]string{{"1", "2"}}, ""},
		"two":               {"A: 1\n\n\nA: 2\n", [][]string{{"1", ""}, {"2", ""}}, ""},
		"case and space":    {"a:1\nb:\t 2 3 \r\n\r\nA: 4\r\n", [][]string{{"1", "2 3"}, {"4", ""}}, ""},
		"continuation":      {"A: 1\n more\n .\n\tB: 5\nB: 2\n", [][]string{{"1", "2"}}, ""},
		"comment":           {"# A: 0\nA: 1\n#\nB: 2\n", [][]string{{"1", "2"}}, ""},
		"only comments":     {"# A: 0\n\n# B\n", nil, ""},
		"the first counts":  {"A: 1\nA: 2\n", [][]string{{"1", ""}}, ""},
		"longer names":      {"AA: 1\nB-A: 2\n", [][]string{{"", ""}}, ""},
		"armour":            {"-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n\nA: 1\n-----BEGIN PGP SIGNATURE-----\n", [][]string{{"", ""}, {"1", ""}}, ""},
		"no field":          {"A: 1\nnoise\n: 2\nB: 2\n\nA: 3\n", [][]string{{"1", "2"}, {"3", ""}}, `line 2: malformed: "noise"`},
		"long, not wanted":  {"A: 1\nC: " + strings.Repeat("x", 3*maxLine) + "\nB: 2\n", [][]string{{"1", "2"}}, ""},
		"long and wanted":   {"A: " + strings.Repeat("x", 3*maxLine) + "\nB: 2\n", [][]string{{"", "2"}}, "line 1: malformed"},
		"exactly as long":   {"C: " + strings.Repeat("x", maxLine-4) + "\nB: 2\n", [][]string{{"", "2"}}, ""},
		"noise":             {"\x00\xff\n\x00:\n", [][]string{{"", ""}}, `line 1: malformed: "\x00\xff"`},
		"a malformed start": {"<html>\n\nA: 1\n", [][]string{{"", ""}, {"1", ""}}, "line 1: malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			in := NewScanner(iotest.OneByteReader(strings.NewReader(test.text)), "A", "B")
			if diff := cmp.Diff(test.want, read(in, 2)); diff != "" {
				t.Error(diff)
			}
			err := in.Err()
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
		})
	}
}

func TestScanner_aStanzaThatIsCutOffIsNone(t *testing.T) {
	broken := errors.New("broken")
	in := NewScanner(iotest.DataErrReader(&failing{strings.NewReader("A: 1\n\nA: 2\nB: 3"), broken}), "A", "B")
	if got := read(in, 2); len(got) != 1 || got[0][0] != "1" {
		t.Errorf("got %q", got)
	}
	if !errors.Is(in.Err(), broken) || !strings.Contains(in.Err().Error(), "line 4") {
		t.Errorf("the error is %v", in.Err())
	}
}

// failing is a reader whose end is an error.
type failing struct {
	r   *strings.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.r.Len() == 0 {
		return 0, f.err
	}
	return f.r.Read(p)
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("A: 1\n B\n\nA:2\r\n-----\n#\n\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := NewScanner(bytes.NewReader(text), "Package", "A")
		stanzas := 0
		for in.Scan() {
			stanzas++
			for i := range 2 {
				if v := in.Value(i); bytes.ContainsAny(v, "\n") || !bytes.Contains(text, v) {
					t.Errorf("the value %q is not in the text", v)
				}
			}
		}
		if stanzas > bytes.Count(text, []byte("\n"))+1 {
			t.Errorf("%d stanzas in %q", stanzas, text)
		}
		if in.Scan() {
			t.Error("there is one more after the end")
		}
	})
}

func TestReadStatus_knowsWhatIsOnTheMachine(t *testing.T) {
	got, err := ReadStatus(strings.NewReader(`Package: a
Status: install ok installed
Architecture: amd64
Version: 1

Package: b
Status: hold ok half-configured
Source: src (2)
Architecture: all
Version: 2

Package: gone
Status: deinstall ok config-files
Version: 3

Package: never
Status: unknown ok not-installed

Package: odd
Status: installed
Version: 4

Package: half
Status: install ok installed
noise
`))
	want := []Package{
		{Name: "a", Version: "1", Arch: "amd64", State: "installed"},
		{Name: "b", Version: "2", Arch: "all", Source: "src", State: "half-configured", Held: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err == nil || !strings.Contains(err.Error(), `line 25: malformed: "noise"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestReadStatus_agreesWithDpkg(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), testenv.Program(t, "dpkg-query", "dpkg"), "-W",
		"-f", "${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package}\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "config-files ") && !strings.HasPrefix(line, "not-installed ") {
			theirs[strings.TrimSpace(line)] = true
		}
	}
	f, err := os.Open("/var/lib/dpkg/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := ReadStatus(f)
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for _, p := range all {
		source := p.Source
		if source == "" {
			source = p.Name
		}
		ours[strings.Join([]string{p.State, p.Name, p.Version, p.Arch, source}, " ")] = true
	}
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("dpkg-query (-) and we (+) differ:\n%s", diff)
	}
}
