package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tocsin/bricks"
)

// A File is one file as Grafana reads it.
type File struct {
	Name string // without a folder: host.json
	Text []byte
}

// Files returns all dashboards, the same bytes at each call: those of the site,
// and one for each of the kinds that has panels of its own. Kinds that were
// validated make no error; any other is a flaw of this build.
func Files(kinds []bricks.Kind) ([]File, error) {
	boards, err := boards(kinds)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, b := range boards {
		text, err := encode(b.board)
		if err != nil {
			return nil, fmt.Errorf("write dashboard %s: %w", b.name, err)
		}
		out = append(out, File{Name: b.name + ".json", Text: text})
	}
	return out, nil
}

// named is a dashboard with the name of its file.
type named struct {
	name string
	board
}

// boards draws all dashboards.
func boards(kinds []bricks.Kind) ([]named, error) {
	l, err := newLimits(kinds)
	if err != nil {
		return nil, err
	}
	out := []named{
		{"overview", drawOverview(l)},
		{"host", drawHost(l)},
		{"probes", drawProbes(l)},
		{"brick", drawBrick(l)},
		{"updates", drawUpdates(l)},
		{"postgres", drawPostgres(l)},
		{"rabbitmq", drawRabbitMQ(l)},
	}
	for _, k := range sorted(kinds) {
		if b := drawKind(l, k); b != nil {
			out = append(out, named{"brick-" + k.Name, *b})
		}
	}
	if len(l.wrong) > 0 {
		return nil, fmt.Errorf("dashboards colour by rules that have no number: %v", l.wrong)
	}
	return out, nil
}

// encode writes a dashboard so that people can read its differences: in the
// order of the types, two spaces in, PromQL's < and > as they are.
func encode(b board) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(b); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
