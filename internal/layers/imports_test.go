package layers

import (
	"fmt"
	"strings"
	"testing"
)

// module is the path that all imports of our own begin with.
const module = "tocsin/"

// rooms are the folders that never import one another.
var rooms = []string{"exporters", "probes", "updatewatch", "alerts", "dashboards"}

// floor returns how high in the house a folder stands; imports go down only.
// Floor 0 is none: a folder that the house does not know.
func floor(folder string) int {
	switch {
	case under(folder, "cmd"):
		return 6
	case under(folder, "internal/app"), under(folder, "internal/migrate"):
		return 5
	case under(folder, "internal/config"):
		return 4
	case under(folder, "internal/web"):
		return 3
	case room(folder) != "":
		return 3
	case under(folder, "bricks"):
		return 2
	case under(folder, "internal"):
		return 1
	default:
		return 0
	}
}

func under(folder, top string) bool { return folder == top || strings.HasPrefix(folder, top+"/") }

func room(folder string) string {
	for _, r := range rooms {
		if under(folder, r) {
			return r
		}
	}
	return ""
}

// verdict returns why a package in folder must not import path, or nothing.
func verdict(folder, path string) string {
	own, ours := strings.CutPrefix(path, module)
	switch {
	case path == "os/exec":
		return "the product runs no programs: a monitor that forks can hang, leak and be tricked. " +
			"Read the kernel's files or speak the protocol; tests run programs by internal/testenv"
	case path == "log":
		return "log/slog is the house's logger"
	case under(path, "github.com/prometheus/prometheus"):
		if under(folder, "alerts/engine") || under(path, "github.com/prometheus/prometheus/promql/parser") {
			return ""
		}
		return "only alerts/engine imports Prometheus' inner packages: their API churns, and one room pays for it. " +
			"The parser of PromQL is free to all"
	case under(path, "github.com/prometheus/alertmanager"):
		if under(folder, "alerts/engine") {
			return ""
		}
		return "only alerts/engine imports Alertmanager's inner packages: their API churns, and one room pays for it"
	case !ours:
		return ""
	case own == "internal/testenv" || strings.HasSuffix(own, "test"):
		return "it serves tests only, the product must not link it"
	}
	return between(folder, own)
}

// between judges an import of one of our packages by another.
func between(folder, own string) string {
	if folder == own || floor(own) == 0 {
		return ""
	}
	from, to := room(folder), room(own)
	switch {
	case under(own, "cmd"):
		return "nothing imports a command: what two of them need belongs in internal/app"
	case from != "" && to != "" && from != to:
		if from == "dashboards" && under(own, "alerts/rules") {
			return "" // panels draw the thresholds of the rules
		}
		return "rooms never import one another, so that each can be read, tested and deleted alone; " +
			"they meet in internal/app, and share data: a brick's definition going in, metrics coming out"
	case from != "" && under(own, "internal/web"), to != "" && under(folder, "internal/web"):
		return "internal/web shows what internal/app hands it; it and the rooms do not know each other"
	case floor(own) > floor(folder):
		return fmt.Sprintf("imports go down only: %s stands above %s", own, folder)
	}
	return ""
}

func TestImports_goDownOnly(t *testing.T) {
	for _, s := range tree(t) {
		if s.forTests() {
			continue // a test may look at the house from anywhere
		}
		for path := range s.imports() {
			if why := verdict(s.folder(), path); why != "" {
				t.Errorf("%s imports %s: %s", s.path, path, why)
			}
		}
	}
}

// TestVerdict proves that the rules refuse what they are there to refuse.
func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		folder, path string
		refused      bool
	}{
		{"exporters/host", "tocsin/internal/frame", false},
		{"exporters/brick", "tocsin/bricks", false},
		{"exporters", "tocsin/exporters/host", false},
		{"exporters/host", "tocsin/probes", true},
		{"probes", "tocsin/alerts", true},
		{"dashboards", "tocsin/alerts/rules", false},
		{"dashboards", "tocsin/alerts/engine", true},
		{"alerts/rules", "tocsin/dashboards", true},
		{"alerts/mattermost", "tocsin/alerts", false},
		{"alerts/mattermost", "tocsin/internal/config", true},
		{"alerts", "tocsin/internal/web", true},
		{"internal/web", "tocsin/alerts", true},
		{"internal/web", "tocsin/internal/sd", false},
		{"internal/config", "tocsin/internal/web", false},
		{"internal/config", "tocsin/alerts/mattermost", false},
		{"internal/config", "tocsin/internal/app", true},
		{"internal/app", "tocsin/internal/config", false},
		{"internal/app", "tocsin/cmd/tocsin", true},
		{"internal/frame", "tocsin/internal/secret", false},
		{"internal/frame", "tocsin/bricks", true},
		{"internal/frame", "tocsin/exporters", true},
		{"bricks", "tocsin/internal/problem", false},
		{"bricks", "tocsin/probes", true},
		{"cmd/tocsin", "tocsin/internal/app", false},
		{"exporters/host", "tocsin/internal/testenv", true},
		{"exporters/host", "tocsin/internal/frame/collectortest", true},
		{"exporters/host", "os/exec", true},
		{"alerts/engine", "os/exec", true},
		{"alerts/engine/query", "github.com/prometheus/prometheus/tsdb", false},
		{"alerts/rules", "github.com/prometheus/prometheus/promql/parser", false},
		{"alerts/rules", "github.com/prometheus/prometheus/model/rulefmt", true},
		{"alerts/mattermost", "github.com/prometheus/alertmanager/template", true},
		{"exporters/host", "github.com/prometheus/procfs", false},
		{"internal/frame", "log", true},
		{"internal/frame", "log/slog", false},
	} {
		if why := verdict(c.folder, c.path); (why != "") != c.refused {
			t.Errorf("%s importing %s: refused for %q, want refused %t", c.folder, c.path, why, c.refused)
		}
	}
}

// TestFolders_areKnown catches a folder at the top that has no floor: the
// rules would not see it.
func TestFolders_areKnown(t *testing.T) {
	for _, s := range tree(t) {
		if floor(s.folder()) == 0 && s.folder() != "packaging" {
			t.Errorf("%s lies in a folder that the house does not have: put it in a room, or give the folder a floor here", s.path)
		}
	}
}
