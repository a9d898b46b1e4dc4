package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/internal/config"
	"tocsin/internal/testenv"
	"tocsin/internal/web"
)

// told makes the site of a file and returns what tells its deployed versions.
func told(t *testing.T, text string) deployments {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tocsin.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	site, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	g := &generation{site: site, view: &web.View{}}
	if g.view.Targets, err = brickTargets(site, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	d, err := g.deployments(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// expect asks one of them and wants a version, or an error, of this form.
func (d deployments) expect(t *testing.T, from, version, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := d.version(ctx, from)
	if version != "" {
		if !regexp.MustCompile(version).MatchString(got) {
			t.Errorf("%s: %q (%v), want %s", from, got, err, version)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%s: %q, %v; want an error with %q", from, got, err, words)
	}
}

func TestDeployed_postgres(t *testing.T) {
	t.Parallel()
	c := testenv.Postgres(t)
	d := told(t, fmt.Sprintf(`
postgres:
  - {name: main, dsn: "%[1]s", password: hunter2}
  - {name: words, dsn: "host=%[2]s user=admin dbname=postgres"}
  - {name: nobody, dsn: "postgres://hunter2@/postgres?host=%[2]s"}
  - {name: down, dsn: "postgres://admin@/hunter2?host=%[2]s/none"}
updates:
  projects: [{name: postgresql, github: postgres/postgres, deployed_from: [postgres/main, postgres/words, postgres/nobody, postgres/down]}]
`, c.DSN("admin", "postgres"), c.Dir))
	d.expect(t, "postgres/main", `^1[0-9]\.[0-9]+$`, "")
	d.expect(t, "postgres/words", `^1[0-9]\.[0-9]+$`, "")
	d.expect(t, "postgres/nobody", "", "it refuses this user (28000)")
	d.expect(t, "postgres/down", "", "its socket does not exist")
	d.expect(t, "postgres/other", "", "it is not measured by this Tocsin")
}

func TestDeployed_rabbitmq(t *testing.T) {
	t.Parallel() // it waits most of the time
	b := testenv.RabbitMQ(t, "")
	d := told(t, fmt.Sprintf(`
rabbitmq:
  - {name: bus, url: "%[1]s", username: guest, password: guest}
  - {name: slash, url: "%[1]s/", username: guest, password: guest}
  - {name: wrong, url: "%[1]s", username: guest, password: hunter2}
  - {name: anonymous, url: "%[1]s"}
  - {name: down, url: "http://127.0.0.1:%[2]d", username: guest, password: hunter2}
updates:
  projects: [{name: rabbitmq, github: rabbitmq/rabbitmq-server, deployed_from: [rabbitmq/bus, rabbitmq/slash, rabbitmq/wrong, rabbitmq/anonymous, rabbitmq/down]}]
`, b.Management, testenv.Port(t)))
	d.expect(t, "rabbitmq/bus", `^[34]\.[0-9]+\.[0-9]+$`, "")
	d.expect(t, "rabbitmq/slash", `^[34]\.[0-9]+\.[0-9]+$`, "")
	d.expect(t, "rabbitmq/wrong", "", "refuse")
	d.expect(t, "rabbitmq/anonymous", "", "refuse")
	d.expect(t, "rabbitmq/down", "", "refused")
}
