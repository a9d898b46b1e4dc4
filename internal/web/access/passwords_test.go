package access

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func TestPasswords_changedFileIsSeenAndBrokenOneIsNot(t *testing.T) {
	file := write(t, "users", "a:"+hash(t, "old"))
	clock := time.Now()
	p, err := newPasswords(file, quiet(), func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	expect := func(password string, want verdict) {
		t.Helper()
		if got := p.check(t.Context(), "a", password); got != want {
			t.Errorf("password %q: verdict %v, want %v", password, got, want)
		}
	}
	replace := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(recheckUsers + time.Second)
		later := clock.Add(time.Hour) // a file system's clock may be coarse
		if err := os.Chtimes(file, later, later); err != nil {
			t.Fatal(err)
		}
	}
	expect("old", rightPassword)
	replace("a:" + hash(t, "new") + "\n")
	expect("old", wrongPassword) // although it was remembered
	expect("new", rightPassword)
	replace("a:not a hash")
	expect("new", rightPassword)
	replace("b:" + hash(t, "new"))
	expect("new", wrongPassword)
}

func TestPasswords_rightOnesAreRememberedWrongOnesAreNot(t *testing.T) {
	p, err := newPasswords(write(t, "users", "a:"+hash(t, "right")), quiet(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxRemember {
		p.check(t.Context(), "a", fmt.Sprint("wrong", i))
	}
	if n := len(p.remembered); n != 0 {
		t.Errorf("%d wrong passwords are remembered", n)
	}
	if p.check(t.Context(), "a", "right") != rightPassword {
		t.Fatal("the right password is wrong")
	}
	p.work <- struct{}{} // no more can be checked, so what follows was remembered
	if p.check(t.Context(), "a", "right") != rightPassword {
		t.Error("the right password is not remembered")
	}
}

func TestPasswords_rememberedAreBounded(t *testing.T) {
	lines := make([]string, maxRemember+10)
	shared := hash(t, "same")
	for i := range lines {
		lines[i] = fmt.Sprintf("user%d:%s", i, shared)
	}
	p, err := newPasswords(write(t, "users", strings.Join(lines, "\n")), quiet(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range lines {
		if p.check(t.Context(), fmt.Sprint("user", i), "same") != rightPassword {
			t.Fatalf("user%d is refused", i)
		}
		if len(p.remembered) > maxRemember {
			t.Fatalf("%d are remembered", len(p.remembered))
		}
	}
}

func TestPasswords_aFloodIsTurnedAwayAndTheRememberedPass(t *testing.T) {
	p, err := newPasswords(write(t, "users", "a:"+hash(t, "right")), quiet(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	p.check(t.Context(), "a", "right")
	synctest.Test(t, func(t *testing.T) {
		p.wait, p.work = make(chan struct{}, maxWaiting), make(chan struct{}, 1)
		p.work <- struct{}{} // one check that does not end
		var mu sync.Mutex
		count := map[verdict]int{}
		var wg sync.WaitGroup
		for i := range 5 * maxWaiting {
			wg.Go(func() {
				v := p.check(t.Context(), "a", fmt.Sprint("wrong", i))
				mu.Lock()
				defer mu.Unlock()
				count[v]++
			})
		}
		synctest.Wait()
		mu.Lock()
		if count[tooBusy] != 4*maxWaiting {
			t.Errorf("at once: %v", count)
		}
		mu.Unlock()
		if p.check(t.Context(), "a", "right") != rightPassword {
			t.Error("who is remembered had to wait")
		}
		wg.Wait() // after checkWait
		if count[tooBusy] != 5*maxWaiting {
			t.Errorf("in the end: %v", count)
		}
	})
}

func TestPasswords_unknownUserTakesAsLong(t *testing.T) {
	dear, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost+2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPasswords(write(t, "users", "a:"+hash(t, "x")+"\nb:"+string(dear)), quiet(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if string(p.decoy) != string(dear) {
		t.Error("an unknown user is not checked against the dearest hash")
	}
	if p.check(t.Context(), "nobody", "x") != wrongPassword {
		t.Error("an unknown user came in by the decoy's password")
	}
}

func TestParseUsers_bothFormsAndWhatIsWrong(t *testing.T) {
	h := hash(t, "x")
	costly := strings.Replace(h, "$04$", "$31$", 1)
	for name, c := range map[string]struct {
		content string
		users   int
		want    string // in the error
	}{
		"lines":                 {"a:" + h + "\n# b\n\nb:" + h, 2, ""},
		"lines, DOS":            {"a:" + h + "\r\nb:" + h + "\r\n", 2, ""},
		"as exporters":          {"# users\nbasic_auth_users:\n  a: " + h + "\n  b: " + h + "\n", 2, ""},
		"as exporters, flow":    {`basic_auth_users: {a: "` + h + `"}`, 1, ""},
		"empty":                 {"\n# nobody\n", 0, "names no user"},
		"YAML without users":    {"basic_auth_users: {}\n", 0, "names no user"},
		"a whole web file":      {"tls_server_config:\n  cert_file: x\nbasic_auth_users:\n  a: " + h, 0, "certificates belong under web.tls"},
		"no colon":              {"a:" + h + "\nnonsense", 0, "line 2 is not of the form name:hash"},
		"no name":               {":" + h, 0, "line 1"},
		"twice":                 {"a:" + h + "\na:" + h, 0, `line 2 names the user "a" a second time`},
		"another kind of hash":  {"a:$apr1$z$zzzz", 0, `user "a": what follows the name is no bcrypt hash`},
		"a hash that costs all": {"a:" + costly, 0, "the hash's cost is 31"},
	} {
		t.Run(name, func(t *testing.T) {
			users, err := parseUsers([]byte(c.content))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("error %v", err)
			case c.want == "" && len(users) != c.users:
				t.Errorf("%d users", len(users))
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzParseUsers(f *testing.F) {
	for _, seed := range []string{"a:$2y$10$x", "basic_auth_users:\n a: b", "{}", "---", ": :", "a: *b", "&a [*a]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		users, err := parseUsers(content)
		if err == nil && len(users) == 0 {
			t.Error("nobody, and no error")
		}
	})
}
