package fail2ban

import (
	"encoding/hex"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/testenv"
)

// plain turns lists into slices, to be compared; the depth is bounded since a
// list can hold itself.
func plain(v any, depth int) any {
	l, ok := v.(*list)
	if !ok || depth == 0 {
		return v
	}
	items := []any{}
	for _, item := range l.items {
		items = append(items, plain(item, depth-1))
	}
	return items
}

// Answers of fail2ban 1.0.2, as they came, without their ends.
var answers = map[string]struct {
	hex  string
	want any
}{
	"ping":    {"8005950c000000000000004b008c04706f6e679486942e", []any{int64(0), "pong"}},
	"setting": {"80059507000000000000004b004b0586942e", []any{int64(0), int64(5)}},
	"status": {
		"80059533000000000000004b005d94288c0e4e756d626572206f66206a61696c944b0186948c094a61696c206c697374948c04737368649486946586942e",
		[]any{int64(0), []any{[]any{"Number of jail", int64(1)}, []any{"Jail list", "sshd"}}},
	},
	"addresses": {
		"800595da000000000000004b005d94288c0646696c746572945d94288c1043757272656e746c79206661696c6564944b0086948c0c546f74616c206661696c6564944b0086948c0946696c65206c697374945d948c112f7661722f6c6f672f617574682e6c6f67946186946586948c07416374696f6e73945d94288c1043757272656e746c792062616e6e6564944b0186948c0c546f74616c2062616e6e6564944b0186948c0e42616e6e6564204950206c697374945d948c086275696c74696e73948c037374729493948c093139322e302e322e3794859452946186946586946586942e",
		[]any{int64(0), []any{
			[]any{"Filter", []any{[]any{"Currently failed", int64(0)}, []any{"Total failed", int64(0)}, []any{"File list", []any{"/var/log/auth.log"}}}},
			[]any{"Actions", []any{[]any{"Currently banned", int64(1)}, []any{"Total banned", int64(1)}, []any{"Banned IP list", []any{"192.0.2.7"}}}},
		}},
	},
}

func TestDecode_answersAsTheyCame(t *testing.T) {
	for name, test := range answers {
		b, err := hex.DecodeString(test.hex)
		if err != nil {
			t.Fatal(err)
		}
		v, err := decode(b)
		if diff := cmp.Diff(test.want, plain(v, 9)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		for i := range b {
			if v, err := decode(b[:i]); !errors.Is(err, errPickle) {
				t.Errorf("%s, cut off after %d bytes: %v, %v", name, i, v, err)
			}
		}
	}
}

// Python itself writes what we must read, and reads what we write.
func TestDecode_asPythonHasIt(t *testing.T) {
	program := testenv.Program(t, "python3", "fail2ban")
	for python, want := range map[string]any{
		"[0, 255, 256, 65536, -1, 2**40, -2**40, 2**62]": []any{int64(0), int64(255), int64(256), int64(65536), int64(-1), int64(1 << 40), int64(-1 << 40), int64(1 << 62)},
		"(('a',), ('a', 'b'), ('a', 'b', 'c', 'd'), ())": []any{[]any{"a"}, []any{"a", "b"}, []any{"a", "b", "c", "d"}, []any{}},
		"['x' * 300, ['é']]":                             []any{strings.Repeat("x", 300), []any{"é"}},
		"(lambda l: [l, l])(['shared'])":                 []any{[]any{"shared"}, []any{"shared"}},
		"[str(i) for i in range(300)] * 2":               nil, // long memos
	} {
		for _, protocol := range []string{"4", "5"} {
			out, err := exec.CommandContext(t.Context(), program, "-c", "import pickle,sys;sys.stdout.buffer.write(pickle.dumps("+python+","+protocol+"))").Output()
			if err != nil {
				t.Fatal(err)
			}
			v, err := decode(out)
			if err != nil {
				t.Errorf("%s: %v", python, err)
			} else if diff := cmp.Diff(want, plain(v, 9)); want != nil && diff != "" {
				t.Errorf("%s: %s", python, diff)
			}
		}
	}
	for _, python := range []string{"open", "1.5", "{}", "None", "True", "b'x'", "2**70", "set()", "int", "Exception('x')", "object()"} {
		out, err := exec.CommandContext(t.Context(), program, "-c", "import pickle,sys;sys.stdout.buffer.write(pickle.dumps("+python+",5))").Output()
		if err != nil {
			t.Fatal(err)
		}
		if v, err := decode(out); !errors.Is(err, errPickle) {
			t.Errorf("%s is taken: %v, %v", python, v, err)
		}
	}
	read := exec.CommandContext(t.Context(), program, "-c", "import pickle,sys;print(pickle.loads(sys.stdin.buffer.read()))")
	read.Stdin = strings.NewReader(string(encode([]string{"status", "sshd"})))
	if out, err := read.Output(); err != nil || string(out) != "['status', 'sshd']\n" {
		t.Errorf("our request is %q, %v", out, err)
	}
}

func TestDecode_nothingElse(t *testing.T) {
	for name, pickle := range map[string]string{
		"empty":                   "",
		"nothing on the stack":    ".",
		"two values":              "K\x01K\x02.",
		"a mark alone":            "(.",
		"something after the end": "K\x01.K",
		"a type alone is no call": "\x8c\x08builtins\x8c\x03str\x93K\x01\x85R.",
		"another builtin":         "\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
		"os.system":               "\x8c\x02os\x8c\x06system\x93.",
		"the old way":             "cos\nsystem\n(S'ls'\ntR.",
		"a text called":           "\x8c\x01a\x8c\x01b\x85R.",
		"call of a mark":          "(\x8c\x01b\x85R.",
		"a list that is none":     "K\x01(K\x02e.",
		"nothing to add to":       "K\x01a.",
		"no such memo":            "h\x07.",
		"a huge memo":             "j\xff\xff\xff\xff.",
		"a memo of nothing":       "\x94.",
		"a frame beyond":          "\x95\xff\xff\xff\xff\xff\xff\xff\xffK\x01.",
		"a text beyond":           "X\xff\xff\xff\x7fa.",
		"a build":                 "]]b.",
		"too many steps":          "]" + strings.Repeat("K\x01a", maxSteps) + ".",
	} {
		if v, err := decode([]byte(pickle)); !errors.Is(err, errPickle) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

// A list may hold itself: what looks into it goes no deeper than it must.
func TestFind_inAListThatHoldsItself(t *testing.T) {
	v, err := decode([]byte("]\x94h\x00a."))
	if err != nil || find(v, "x") != nil || find(find(v, "x"), "y") != nil {
		t.Errorf("%v, %v", v, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, a := range answers {
		b, err := hex.DecodeString(a.hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decode(b)
		if err != nil && !errors.Is(err, errPickle) {
			t.Errorf("another error: %v", err)
		}
		switch plain(v, 20).(type) {
		case nil, string, int64, []any, textType, *list:
		default:
			t.Errorf("a %T came out", v)
		}
	})
}
