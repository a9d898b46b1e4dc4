package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"tocsin/bricks"
	"tocsin/exporters/brick"
	"tocsin/internal/config"
	"tocsin/internal/frame"
	"tocsin/internal/secret"
)

// serverPatience is how long a server may take to say which version it is.
const serverPatience = 5 * time.Second

// deployments are the targets that tell which version runs, by the words of
// deployed_from: those of bricks, and one for each server that a project
// names, which is asked nothing else and has no page.
type deployments map[string]*frame.Target

// deployments lists them for what the site follows.
func (g *generation) deployments(log *slog.Logger) (deployments, error) {
	all := deployments{}
	for _, t := range g.view.Targets {
		name := t.Spec().Labels["brick"]
		if from := "brick/" + name; name != "" && all[from] == nil { // before its probe, which has the label too
			all[from] = t
		}
	}
	for _, p := range g.site.AllUpdates().Projects {
		for _, from := range p.DeployedFrom {
			b, k, ok := server(g.site, from)
			if !ok || all[from] != nil {
				continue
			}
			entries, err := brick.New(b, k, brick.Options{})
			if err != nil {
				return nil, err
			}
			all[from] = frame.NewTarget(frame.Spec{Job: k.Name, Instance: from, Timeout: serverPatience, Collectors: entries}, log)
		}
	}
	return all, nil
}

// server is a server of the site file, as a brick that is asked for its
// version alone.
func server(site *config.Site, from string) (bricks.Brick, bricks.Kind, bool) {
	kind, name, _ := strings.Cut(from, "/")
	switch kind {
	case "postgres":
		for _, s := range site.Postgres {
			if s.Name == name {
				access := bricks.Access{URL: s.DSN, Password: secret.Source{Value: s.Password, File: s.PasswordFile}}
				return bricks.Brick{Name: name, Requests: map[string]bricks.Access{"ask": access}}, postgresVersion(), true
			}
		}
	case "rabbitmq":
		for _, s := range site.RabbitMQ {
			if s.Name == name {
				access := bricks.Access{Username: s.Username, Password: secret.Source{Value: s.Password, File: s.PasswordFile}}
				return bricks.Brick{Name: name, URL: s.URL, CAFile: s.CAFile, Requests: map[string]bricks.Access{"ask": access}}, rabbitVersion(s.Username), true
			}
		}
	}
	return bricks.Brick{}, bricks.Kind{}, false
}

// postgresVersion asks for server_version_num, which is the same in all
// builds: 150013 of 15.13, and 90624 of 9.6.24 (PostgreSQL's manual, 20.15).
func postgresVersion() bricks.Kind {
	const number = ".ask.body.version[0].n"
	return bricks.Kind{
		Name: "postgres",
		Requests: map[string]bricks.Request{"ask": {
			Adapter: bricks.Postgres,
			Queries: map[string]bricks.SQL{"version": {Text: "SELECT current_setting('server_version_num')::int AS n"}},
		}},
		Health: bricks.Health{JQ: number + " > 0"},
		Version: bricks.Version{JQ: number + ` | if . >= 100000 then "\(. / 10000 | floor).\(. % 10000)"
			else "\(. / 10000 | floor).\(. / 100 % 100 | floor).\(. % 100)" end`},
	}
}

// rabbitVersion asks the management API, which wants the tag monitoring.
func rabbitVersion(user string) bricks.Kind {
	auth := "none"
	if user != "" {
		auth = "basic"
	}
	return bricks.Kind{
		Name:     "rabbitmq",
		Requests: map[string]bricks.Request{"ask": {Adapter: bricks.HTTPJSON, Path: "/api/overview", AcceptStatus: []int{http.StatusOK}, Auth: auth}},
		Health:   bricks.Health{JQ: ".ask.body.rabbitmq_version != null"},
		Version:  bricks.Version{JQ: ".ask.body.rabbitmq_version"},
	}
}

// version asks one of them: the label of its brick_version_info. Those who
// scrape the same target meanwhile share the answer.
func (d deployments) version(ctx context.Context, from string) (string, error) {
	t := d[from]
	if t == nil {
		return "", errors.New("it is not measured by this Tocsin")
	}
	ctx, cancel := context.WithTimeout(ctx, t.Spec().Timeout)
	defer cancel()
	for _, family := range t.Gather(ctx) {
		if family.GetName() != "brick_version_info" {
			continue
		}
		for _, m := range family.GetMetric() {
			if v := label(m, "version"); v != "" {
				return v, nil
			}
		}
	}
	for _, s := range t.States() {
		switch {
		case s.Explain != "":
			return "", errors.New(s.Explain)
		case s.Error != "":
			return "", errors.New(s.Error)
		}
	}
	return "", errors.New("it does not tell which version it is")
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
