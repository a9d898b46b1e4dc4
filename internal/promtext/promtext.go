// Package promtext reads a page of metrics in Prometheus' classic text format
// or in OpenMetrics, of a program that may not keep to either, and keeps only
// the families that are wanted.
//
// It is not for storing: samples' own timestamps and exemplars are left out.
package promtext

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A Family is all samples of one metric.
type Family struct {
	// Name is that of the classic format: with _total for a counter of
	// OpenMetrics.
	Name string
	Help string
	// Type is counter, gauge, histogram, summary or untyped.
	Type    string
	Samples []Sample
}

// A Sample is one line.
type Sample struct {
	Name   string // the family's, or with _bucket, _sum, _count
	Labels []Label
	Value  float64
}

// A Label is a name and its value.
type Label struct{ Name, Value string }

const (
	maxSamples = 20_000
	maxLine    = 64 << 10
)

// Parse returns the wanted families in their order. Its errors name a line and
// never its text.
func Parse(page []byte, wanted func(name string) bool) ([]*Family, error) {
	var families []*Family
	samples := 0
	r := newReader(wanted)
	err := r.page(lines(page), nil, func(f *Family, s Sample) error {
		if samples++; samples > maxSamples {
			return fmt.Errorf("more than %d samples are wanted", maxSamples)
		}
		if len(f.Samples) == 0 {
			families = append(families, f)
		}
		f.Samples = append(f.Samples, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return families, nil
}

// Scan reads a page while it comes and hands each wanted sample to do, with
// its family, whose Samples stay empty. What do gets is valid during the call
// only. A line that is none goes to bad, and the page goes on. Scan ends with
// an error of r or of do.
func Scan(r io.Reader, wanted func(name string) bool, bad func(error), do func(*Family, Sample) error) error {
	in := bufio.NewReaderSize(r, maxLine)
	next := func() (string, error) {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) > 0 {
			err = nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			err = fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
		return string(line), err
	}
	reader := newReader(wanted)
	reader.fleeting = true
	return reader.page(next, bad, do)
}

// lines returns the lines of a page one by one, without copying each.
func lines(page []byte) func() (string, error) {
	text := string(page)
	return func() (string, error) {
		if text == "" {
			return "", io.EOF
		}
		line := text
		if i := bytes.IndexByte(page[len(page)-len(text):], '\n'); i >= 0 {
			line = text[:i+1]
		}
		text = text[len(line):]
		return line, nil
	}
}

// Lost is what Salvage could not use.
type Lost struct {
	Lines   int   // that cannot be read
	First   error // what is wrong with the first of them; it names the line, not its text
	Samples int   // beyond the limit
}

// Salvage is Parse for a page that is passed on as a whole: a line that cannot
// be read costs that line, and samples beyond the limit are counted. It fails
// where nothing at all can be read.
func Salvage(page []byte, limit int, wanted func(name string) bool) ([]*Family, Lost, error) {
	var families []*Family
	var lost Lost
	samples := 0
	bad := func(err error) {
		if lost.Lines == 0 {
			lost.First = err
		}
		lost.Lines++
	}
	err := newReader(wanted).page(lines(page), bad, func(f *Family, s Sample) error {
		if samples++; samples > limit {
			lost.Samples++
			return nil
		}
		if len(f.Samples) == 0 {
			families = append(families, f)
		}
		f.Samples = append(f.Samples, s)
		return nil
	})
	if err != nil && lost.First != nil {
		err = lost.First
	}
	return families, lost, err
}
