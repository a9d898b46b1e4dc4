package promtext

import (
	"math"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// A Memory reads one program's page again and again, to pass it on as a whole.
// From one time to the next nearly all of a page stays but its values; those
// alone are read then. The zero Memory is empty. It serves one goroutine.
type Memory struct {
	lines    []remembered
	index    map[string]int // of a line, by its text
	families []*Family
	labels   [][][]*dto.LabelPair // of the families' samples; nil for those in parts
}

// remembered is a line: a comment as it was, or a sample up to its value.
type remembered struct {
	text           string
	comment        bool
	family, sample int
}

// Families is Salvage and Metrics in one. What is new on the page is told to
// changed first, which may change it; it stays so while the page does. The
// result is the caller's, but for its labels, which nobody may change.
func (m *Memory) Families(page []byte, limit int, changed func([]*Family)) ([]*dto.MetricFamily, Lost, error) {
	text := string(page)
	if values := m.again(text); values != nil {
		return m.made(values), Lost{}, nil
	}
	*m = Memory{}
	families, lost, err := Salvage(page, limit, func(string) bool { return true })
	if err != nil {
		return nil, lost, err
	}
	var values [][]float64
	for _, f := range families {
		of := make([]float64, len(f.Samples))
		for i := range f.Samples {
			of[i] = f.Samples[i].Value
		}
		values = append(values, of)
	}
	whole := lost == Lost{} && m.remember(text, families)
	changed(families)
	m.families, m.labels = families, make([][][]*dto.LabelPair, len(families))
	for i, f := range families {
		if f.Type == "histogram" || f.Type == "summary" {
			continue
		}
		for _, s := range f.Samples {
			m.labels[i] = append(m.labels[i], sortedPairs(s.Labels))
		}
	}
	out := m.made(values)
	if !whole {
		*m = Memory{}
	}
	return out, lost, nil
}

// remember notes the lines of a page, and tells whether it could.
func (m *Memory) remember(text string, families []*Family) bool {
	of, next := map[string]int{}, make([]int, len(families)) // a sample's name tells its family
	for i, f := range families {
		for _, s := range f.Samples {
			of[s.Name] = i
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			m.lines = append(m.lines, remembered{text: line, comment: true})
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		name := line[:max(strings.IndexAny(line, "{ "), 0)]
		f, ok := of[name]
		if end < 0 || !ok || next[f] >= len(families[f].Samples) || families[f].Samples[next[f]].Name != name {
			return false
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if want := families[f].Samples[next[f]].Value; err != nil || value != want && !(math.IsNaN(value) && math.IsNaN(want)) {
			return false // it has a timestamp: what stands last is no value
		}
		m.lines = append(m.lines, remembered{text: line[:end+1], family: f, sample: next[f]})
		next[f]++
	}
	m.index = make(map[string]int, len(m.lines))
	for i := range m.lines {
		m.index[m.lines[i].text] = i
	}
	return true
}

// again returns the values of a page whose lines are those of the last, in
// whatever order; nil where they are not. Most follow the same line as before.
func (m *Memory) again(text string) [][]float64 {
	if len(m.lines) == 0 {
		return nil
	}
	values := make([][]float64, len(m.families))
	for i, f := range m.families {
		values[i] = make([]float64, len(f.Samples))
	}
	seen, count, next := make([]bool, len(m.lines)), 0, 0
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		next = m.find(line, next)
		if next < 0 || seen[next] {
			return nil
		}
		l := &m.lines[next]
		if !l.comment {
			v, err := strconv.ParseFloat(line[len(l.text):], 64)
			if err != nil {
				return nil
			}
			values[l.family][l.sample] = v
		}
		seen[next] = true
		count++
		next++
	}
	if count < len(m.lines) {
		return nil
	}
	return values
}

// find returns which of the remembered lines this is, tried first with a
// guess; -1 for none.
func (m *Memory) find(line string, guess int) int {
	if guess < len(m.lines) {
		if l := &m.lines[guess]; l.comment && line == l.text || !l.comment && strings.HasPrefix(line, l.text) {
			return guess
		}
	}
	if line != "" && line[0] != '#' {
		line = line[:strings.LastIndexByte(line, ' ')+1]
	}
	if i, ok := m.index[line]; ok {
		return i
	}
	return -1
}

// made makes the families of the values.
func (m *Memory) made(values [][]float64) []*dto.MetricFamily {
	out := make([]*dto.MetricFamily, 0, len(m.families))
	for i, f := range m.families {
		mf := &dto.MetricFamily{Name: &f.Name, Help: &f.Help}
		if m.labels[i] == nil {
			g := &Family{Name: f.Name, Help: f.Help, Type: f.Type, Samples: make([]Sample, len(f.Samples))}
			copy(g.Samples, f.Samples)
			for j := range g.Samples {
				g.Samples[j].Value = values[i][j]
			}
			mf = g.Metrics()
		} else {
			mf.Type = simple(f.Type).Enum()
			mf.Metric = valued(m.labels[i], values[i], *mf.Type)
		}
		if mf != nil {
			out = append(out, mf)
		}
	}
	return out
}
