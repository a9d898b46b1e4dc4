package brick

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin/bricks"
	"tocsin/exporters/brick/adapter"
	"tocsin/internal/frame"
)

// twentyKB is a document like Docker's list of services: 50 entries, 33 of
// which a row set keeps, and 15 numbers.
func twentyKB(t testing.TB) []byte {
	t.Helper()
	document := map[string]any{}
	for i := range 15 {
		document[fmt.Sprintf("number%d", i)] = map[string]any{"value": i}
	}
	var services []any
	for i := range 50 {
		services = append(services, map[string]any{
			"ID": fmt.Sprintf("service-%026d", i), "Spec": map[string]any{
				"Name": fmt.Sprintf("stack_service_%d", i), "Labels": map[string]any{"com.example.a": strings.Repeat("x", 40), "com.example.b": "y"},
				"Mode": map[string]any{"Replicated": map[string]any{"Replicas": i % 3}}, "Ports": []any{8080, 9090},
			},
			"CreatedAt": "2026-11-21T07:51:14.123456789Z", "UpdatedAt": "2026-11-21T07:51:14.123456789Z", "Version": map[string]any{"Index": i},
		})
	}
	document["services"] = services
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return append(text, []byte(strings.Repeat(" ", max(0, 20_309-len(text))))...)
}

func twentyKBKind(t testing.TB) bricks.Kind {
	t.Helper()
	var b strings.Builder
	b.WriteString("kind: big\nrequests: {all: {path: /}}\nhealth: {jq: '.all.body.number1.value == 1'}\nmetrics:\n")
	for i := range 15 {
		fmt.Fprintf(&b, "  - {name: big_number%d, type: gauge, help: One., value: .all.body.number%d.value}\n", i, i)
	}
	b.WriteString("  - {name: big_replicas, type: gauge, help: Rows., rows: '.all.body.services[] | select(.Version.Index % 3 != 2 or .Version.Index > 48)', value: .Spec.Mode.Replicated.Replicas, labels: {name: .Spec.Name}}\n")
	return kind(t, b.String())
}

func page20(t testing.TB, p *program, c *collector, raw adapter.Raw) *frame.Sink {
	t.Helper()
	o := p.decode("all", raw, nil, time.Now(), time.Millisecond)
	sink := frame.NewSink(c.Families())
	c.tell(context.Background(), sink, newState(p.kind, map[string]outcome{"all": o}))
	return sink
}

// BenchmarkPage is the CPU of one page: reading 20 kB of JSON, judging, 15
// numbers and 33 rows. It must stay under a millisecond.
func BenchmarkPage(b *testing.B) {
	p, err := compile(twentyKBKind(b))
	if err != nil {
		b.Fatal(err)
	}
	c := &collector{program: p, now: time.Now}
	raw := adapter.Raw{Status: 200, Body: twentyKB(b)}
	b.SetBytes(int64(len(raw.Body)))
	b.ReportAllocs()
	for b.Loop() {
		page20(b, p, c, raw)
	}
}

func TestPage_ofTheBenchmarkHasItsRows(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(twentyKB(t)) })
	p := everything(t, bricks.Brick{Name: "big", URL: at}, twentyKBKind(t))
	p.up(t, "")
	rows := 0
	for key := range p.values {
		if strings.HasPrefix(key, "big_replicas{") {
			rows++
		}
	}
	if rows < 33 {
		t.Errorf("%d rows, want at least 33", rows)
	}
}
