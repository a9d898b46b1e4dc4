package rabbitmq

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/frame"
	"tocsin/internal/promtext"
)

const (
	maxDetailed = 96 << 20 // bytes of /metrics/detailed: 50,000 queues with queue_metrics have 62 MB
	maxLoose    = 100_000  // samples that are kept while it is read and belong to no single queue's row
)

// rankFamily has the messages, by which queues are chosen.
const rankFamily, rankMetric = "queue_coarse_metrics", "rabbitmq_detailed_queue_messages"

// detailed is the plugin's page /metrics/detailed while it is read. Its queues
// are rows, which take a tenth of the page's memory.
type detailed struct {
	families []*promtext.Family
	column   map[string]int // of a family, by its name
	row      map[string]map[string]int
	rows     []queue
	loose    []looseSample
	dropped  int
	bad      error
}

// looseSample is one that is not of a queue alone.
type looseSample struct {
	family      int
	sample      promtext.Sample
	ofQueue     bool
	vhost, name string
}

// listDetailed asks the plugin for the families that the site chooses.
func (o *objects) listDetailed(ctx context.Context) (*listing, error) {
	q := url.Values{"family": o.cfg.Families, "vhost": o.cfg.Vhosts}
	ranked := slices.Contains(o.cfg.Families, rankFamily)
	if !ranked {
		q["family"] = append(slices.Clone(o.cfg.Families), rankFamily)
	}
	body, err := o.plugin.Open(ctx, "/detailed", q, textType, maxDetailed)
	if err != nil {
		return nil, fmt.Errorf("/metrics/detailed: %w", err)
	}
	defer body.Close()
	d := &detailed{column: map[string]int{}, row: map[string]map[string]int{}}
	err = promtext.Scan(body, onDetailed, func(err error) { d.bad, d.dropped = err, d.dropped+1 }, d.add)
	if err != nil {
		return nil, fmt.Errorf("/metrics/detailed: %w", err)
	}
	l := d.choose(newChoice(&o.cfg))
	if !ranked {
		l.passed = slices.DeleteFunc(l.passed, func(p *passedFamily) bool {
			return slices.ContainsFunc(coarseFacts, func(f fact) bool { return f.each.Name == p.Name })
		})
	}
	if l.dropped > 0 && d.bad != nil {
		return l, frame.Fail(frame.ReasonInvalid, fmt.Errorf("/metrics/detailed: %d lines cannot be read or are too many; the last: %w", l.dropped, d.bad))
	}
	return l, nil
}

// onDetailed tells whether a family is of that page alone.
func onDetailed(name string) bool {
	return strings.HasPrefix(name, eachPrefix) || strings.HasPrefix(name, "rabbitmq_cluster_")
}

func (d *detailed) add(f *promtext.Family, s promtext.Sample) error {
	column, ok := d.column[f.Name]
	if !ok {
		column = len(d.families)
		d.column[f.Name] = column
		d.families = append(d.families, &promtext.Family{Name: f.Name, Help: f.Help, Type: f.Type})
	}
	vhost, name, single := queueOf(s.Labels)
	if single && len(s.Labels) == len(queueLabels) {
		d.set(vhost, name, column, s.Value)
		return nil
	}
	if len(d.loose) >= maxLoose {
		d.dropped++
		d.bad = fmt.Errorf("more than %d samples are not of single queues; choose fewer families", maxLoose)
		return nil
	}
	labels := make([]promtext.Label, len(s.Labels))
	for i, l := range s.Labels {
		labels[i] = promtext.Label{Name: strings.Clone(l.Name), Value: strings.Clone(l.Value)}
	}
	d.loose = append(d.loose, looseSample{
		column, promtext.Sample{Name: f.Name, Labels: labels, Value: s.Value}, single, strings.Clone(vhost), strings.Clone(name),
	})
	return nil
}

// queueOf returns which queue a sample is of.
func queueOf(labels []promtext.Label) (vhost, name string, ok bool) {
	found := 0
	for _, l := range labels {
		switch l.Name {
		case "vhost":
			vhost = l.Value
			found++
		case "queue":
			name = l.Value
			found++
		}
	}
	return vhost, name, found == len(queueLabels)
}

func (d *detailed) set(vhost, name string, column int, value float64) {
	rows := d.row[vhost]
	if rows == nil {
		rows = map[string]int{}
		d.row[strings.Clone(vhost)] = rows
	}
	i, ok := rows[name]
	if !ok {
		i = len(d.rows)
		q := queue{vhost: strings.Clone(vhost), name: strings.Clone(name)}
		rows[q.name] = i
		d.rows = append(d.rows, q)
	}
	q := &d.rows[i]
	for len(q.values) <= column {
		q.values = append(q.values, missing)
	}
	if !isMissing(q.values[column]) {
		d.dropped++
		d.bad = fmt.Errorf("%s has a queue twice", d.families[column].Name)
		return
	}
	q.values[column] = value
}

// choose makes a listing of the queues that the site chooses.
func (d *detailed) choose(c *choice) *listing {
	rank, ranked := d.column[rankMetric]
	for _, q := range d.rows {
		if ranked && rank < len(q.values) && !isMissing(q.values[rank]) {
			q.messages = q.values[rank]
		}
		c.offer(q)
	}
	l := &listing{queues: c.queues(), filtered: c.filtered, beyond: c.beyond, dropped: d.dropped}
	kept := map[[2]string]bool{}
	for _, q := range l.queues {
		kept[[2]string{q.vhost, q.name}] = true
	}
	for _, f := range d.families {
		l.passed = append(l.passed, &passedFamily{Family: f})
	}
	sent := 0
	for _, s := range d.loose {
		if s.ofQueue && !kept[[2]string{s.vhost, s.name}] {
			continue
		}
		if sent++; sent > maxSeries {
			l.dropped++
			continue
		}
		p := l.passed[s.family]
		p.loose = append(p.loose, s.sample)
	}
	for i, p := range l.passed {
		p.column = i
	}
	return l
}

// passedFamily is a family of that page: a column of the queues' rows, and
// what is of no single queue.
type passedFamily struct {
	*promtext.Family
	column int
	loose  []promtext.Sample
}

// pass sends it. The samples are made anew each time, since the sink keeps them.
func (p *passedFamily) pass(s *frame.Sink, queues []queue) {
	f := &promtext.Family{Name: p.Name, Help: p.Help, Type: p.Type}
	for _, q := range queues {
		if p.column < len(q.values) && !isMissing(q.values[p.column]) {
			f.Samples = append(f.Samples, promtext.Sample{
				Name: p.Name, Value: q.values[p.column],
				Labels: []promtext.Label{{Name: "vhost", Value: q.vhost}, {Name: "queue", Value: q.name}},
			})
		}
	}
	f.Samples = append(f.Samples, slices.Clone(p.loose)...)
	if mf := f.Metrics(); mf != nil {
		s.Pass(mf)
	}
}
