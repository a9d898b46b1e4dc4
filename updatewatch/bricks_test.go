package updatewatch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/bricks"
)

// one is a kind that is released at github.com, two one at a forge of its own,
// three one that does not say where.
func kinds() []bricks.Kind {
	return []bricks.Kind{
		{Name: "one", Releases: bricks.Releases{GitHub: "a/one", Tag: `^v(\d+\.\d+)$`, Line: 2}},
		{Name: "two", Releases: bricks.Releases{Packages: "http://deb.example/Packages.gz", Package: "two", Scheme: "deb"}},
		{Name: "three"},
	}
}

func brick(name, kind string) bricks.Brick { return bricks.Brick{Name: name, Kind: kind} }

func TestFollowBricks(t *testing.T) {
	all := []bricks.Brick{brick("pad", "one"), brick("notes", "one"), brick("forms", "two"), brick("www", "three")}
	for name, c := range map[string]struct {
		file       string
		projects   string // by name: who tells what runs
		unfollowed string
	}{
		"nothing is asked unasked": {
			`{}`, "",
			"releases of one, at github.com, which the file does not name; write {host: github.com} under updates.forges, or updates.bricks: false\n" +
				"releases of two, at deb.example, which the file does not name; write {host: deb.example} under updates.forges, or updates.bricks: false",
		},
		"one host": {
			`forges: [{host: github.com}]`, "one: brick/pad brick/notes",
			"releases of two, at deb.example, which the file does not name; write {host: deb.example} under updates.forges, or updates.bricks: false",
		},
		"both":                    {`forges: [{host: github.com}, {host: deb.example}]`, "one: brick/pad brick/notes, two: brick/forms", ""},
		"none, and that is right": {`{bricks: false, forges: [{host: github.com}]}`, "", ""},
		"a project of a brick's own wins": {
			`{forges: [{host: github.com}, {host: deb.example}], projects: [{name: pads, github: fork/one, deployed_from: brick/pad}]}`,
			"pads: brick/pad, one: brick/notes, two: brick/forms", "",
		},
		"its name is taken": {
			`{forges: [{host: github.com}, {host: deb.example}], projects: [{name: one, github: fork/one, deployed_from: brick/pad}]}`,
			"one: brick/pad, two: brick/forms",
			"releases of the brick notes, whose kind's name projects[0] has; write deployed_from: brick/notes there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, c.file)
			unfollowed := cfg.FollowBricks(kinds(), all)
			var projects []string
			for _, p := range cfg.Projects {
				projects = append(projects, p.Name+": "+strings.Join(p.DeployedFrom, " "))
			}
			if diff := cmp.Diff(c.projects, strings.Join(projects, ", ")); diff != "" {
				t.Errorf("projects, - want, + got:\n%s", diff)
			}
			if diff := cmp.Diff(c.unfollowed, strings.Join(unfollowed, "\n")); diff != "" {
				t.Errorf("unfollowed, - want, + got:\n%s", diff)
			}
			if wrong := problems(cfg); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// What a kind says is followed as if the site had written it.
func TestFollowBricks_asTheKindSays(t *testing.T) {
	cfg := config(t, `{interval: 2h, forges: [{host: github.com}, {host: deb.example}]}`)
	cfg.FollowBricks(kinds(), []bricks.Brick{brick("pad", "one"), brick("forms", "two")})
	want := config(t, `{interval: 2h, forges: [{host: github.com}, {host: deb.example}], projects: [
  {name: one, github: a/one, tag: '^v(\d+\.\d+)$', line: 2, deployed_from: brick/pad},
  {name: two, apt: "http://deb.example/Packages.gz", package: two, scheme: deb, deployed_from: brick/forms}]}`)
	if diff := cmp.Diff(want.Projects, cfg.Projects); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}

// Every shipped kind can be followed as it is.
func TestFollowBricks_shippedKinds(t *testing.T) {
	shipped, err := bricks.Load()
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	var all []bricks.Brick
	followed := 0
	for _, k := range shipped {
		all = append(all, brick(k.Name, k.Name))
		if !k.Releases.IsZero() {
			followed++
			cfg.Forges = append(cfg.Forges, Forge{Host: cfg.hostOf(projectOf(k))})
		}
	}
	if unfollowed := cfg.FollowBricks(shipped, all); len(unfollowed) > 0 || len(cfg.Projects) != followed || followed < 5 {
		t.Errorf("%d of %d kinds are followed: %q", len(cfg.Projects), followed, unfollowed)
	}
	cfg.Forges = nil
	if wrong := problems(cfg); wrong != "" {
		t.Error(wrong)
	}
}
