package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"tocsin/internal/config"
	"tocsin/probes"
)

const (
	maxListed  = 100_000 // targets of a list
	sideBySide = 16      // of them are looked at at a time
)

// entries finds what the site file says of each target. A URL that it does not
// know, or without a site file, is looked at as it is. All that is wrong is
// said before anything is looked at.
func (v *probeVerb) entries(in io.Reader) ([]probes.Config, error) {
	names, err := v.names(in)
	if err != nil {
		return nil, err
	}
	site := &config.Site{}
	if v.Config != "" || v.All || slices.ContainsFunc(names, func(n string) bool { return !isURL(n) }) {
		if site, err = v.load(); err != nil {
			return nil, err
		}
	}
	if v.All {
		if len(site.Probes) == 0 {
			return nil, fmt.Errorf("%w: the site has no probes", errInput)
		}
		return site.Probes, nil
	}
	var entries []probes.Config
	var wrong []error
	for _, name := range names {
		entry, err := entryOf(site, name)
		if err == nil && len(names) > 1 {
			if _, err = probes.NewProber(entry, probes.Options{}); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
		}
		if err != nil {
			wrong = append(wrong, err)
		}
		entries = append(entries, entry)
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("%w: %w", errInput, errors.Join(wrong...))
	}
	return entries, nil
}

// names are the targets of the command line, those of the standard input in
// the place of a dash.
func (v *probeVerb) names(in io.Reader) ([]string, error) {
	switch {
	case v.All && len(v.Targets) > 0:
		return nil, fmt.Errorf("%w: write targets, or --all for those of the site, not both", errInput)
	case v.All:
		return nil, nil
	case len(v.Targets) == 0:
		return nil, fmt.Errorf("%w: no target; write a URL, as https://portail.ville.example, the name of one of the site's probes, or --all", errInput)
	}
	var names []string
	for _, target := range v.Targets {
		if target != "-" {
			names = append(names, target)
			continue
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
				names = append(names, line)
			}
			if len(names) > maxListed {
				return nil, fmt.Errorf("%w: the list has more than %d targets", errInput, maxListed)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%w: read the list: %w", errInput, err)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: the list has no target; write one URL a line", errInput)
	}
	return names, nil
}

func isURL(target string) bool { return strings.Contains(target, "://") }

func entryOf(site *config.Site, target string) (probes.Config, error) {
	var known []string
	for _, c := range site.Probes {
		if c.Target == target || c.Slug() == target {
			return c, nil
		}
		known = append(known, c.Slug())
	}
	switch {
	case isURL(target):
		return probes.Config{Target: target}, nil
	case len(known) == 0:
		return probes.Config{}, errors.New("the site has no probes; write a URL, as https://portail.ville.example")
	}
	return probes.Config{}, fmt.Errorf("no probe of the site is named %s; write a URL, or one of %s", target, strings.Join(known, ", "))
}

// list looks at several targets, some at a time, and tells each in a line, in
// their order. Meanwhile it says how far it is where errors go.
func (v *probeVerb) list(ctx context.Context, c *console, entries []probes.Config) error {
	results := make([]probes.Result, len(entries))
	ended := make([]chan struct{}, len(entries))
	for i := range ended {
		ended[i] = make(chan struct{})
	}
	var next, looked atomic.Int64
	var wg sync.WaitGroup
	for range min(sideBySide, len(entries)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(entries); i = int(next.Add(1)) - 1 {
				r, err := probes.Run(ctx, entries[i])
				if err != nil {
					r = probes.Result{Name: entries[i].Name, Target: entries[i].Target, Unmeasured: err}
				}
				results[i] = r
				looked.Add(1)
				close(ended[i])
			}
		})
	}
	said := newProgress(c.err, len(entries), &looked)
	defer said.tick.Stop()
	failed, unmeasured := 0, 0
	for i := range results {
		said.until(ended[i])
		switch err := outcome(&results[i]); {
		case errors.Is(err, errFound):
			failed++
		case err != nil:
			unmeasured++
		}
		if v.JSON {
			continue // told as a whole
		}
		said.clear()
		if err := probes.WriteLine(c.out, &results[i], c.colour()); err != nil {
			return err
		}
	}
	said.clear()
	wg.Wait()
	if v.JSON {
		if err := probes.WriteJSON(c.out, results); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(c.out, "%d looked at: %d up, %d down, %d not measured\n", len(results), len(results)-failed-unmeasured, failed, unmeasured); err != nil {
		return err
	}
	switch {
	case failed > 0:
		return errFound
	case unmeasured > 0:
		return fmt.Errorf("%d of %d could not be measured", unmeasured, len(results))
	}
	return nil
}
