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
	"tocsin/internal/strict"
	"tocsin/probes"
	"tocsin/probes/allow"
)

const (
	maxListed  = 100_000 // targets of a list
	sideBySide = 16      // of them are looked at at a time
)

// entries finds what the site file says of each target; a URL that it does not
// know is looked at as it is. All that is wrong is said before anything is
// looked at. Where looks may be led is what that file allows.
func (v *probeVerb) entries(c *console) ([]probes.Config, probes.Options, error) {
	var opts probes.Options
	names, err := v.names(c.in)
	if err != nil {
		return nil, opts, err
	}
	site, err := v.load()
	if err != nil {
		if v.Config != "" || v.All || !allURLs(names) {
			return nil, opts, err
		}
		// Who may not read the file can look all the same.
		fmt.Fprintf(c.err, "tocsin: %s is not used, whose probes may be made otherwise:\n%v\n", config.DefaultFile, err)
		site = &config.Site{}
	}
	allowed := site.Allowed()
	opts.Allowed = func() *allow.List { return allowed }
	known := site.AllProbes()
	if v.All {
		if len(known) == 0 {
			return nil, opts, fmt.Errorf("%w: the site has no probes", errInput)
		}
		return known, opts, nil
	}
	var entries []probes.Config
	var wrong []error
	for _, name := range names {
		entry, err := entryOf(known, name)
		if err == nil && len(names) > 1 {
			if _, err = probes.NewProber(entry, probes.Options{}); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%w: %w", errInput, err))
		}
		entries = append(entries, entry)
	}
	return entries, opts, errors.Join(wrong...)
}

func allURLs(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !isURL(n) })
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

// entryOf finds a probe by what people call it: its target, its name, its page,
// or the instance that alerts are about.
func entryOf(known []probes.Config, target string) (probes.Config, error) {
	var names []string
	for _, c := range known {
		if slices.Contains([]string{c.Target, c.Name, c.Slug(), c.Instance()}, target) {
			return c, nil
		}
		names = append(names, c.Slug())
	}
	near := strict.Nearest(target, names)
	switch {
	case isURL(target):
		return probes.Config{Target: target}, nil
	case len(known) == 0:
		return probes.Config{}, errors.New("the site has no probes; write a URL, as https://portail.ville.example")
	case near != "":
		return probes.Config{}, fmt.Errorf("no probe of the site is named %s; did you mean %s?", target, near)
	}
	const most = 20
	more := ""
	if len(names) > most {
		names, more = names[:most], ", ..."
	}
	return probes.Config{}, fmt.Errorf("no probe of the site is named %s; write a URL, or one of %s%s", target, strings.Join(names, ", "), more)
}

// list looks at several targets, some at a time, and tells each in a line, in
// their order. Meanwhile it says how far it is where errors go.
func (v *probeVerb) list(ctx context.Context, c *console, entries []probes.Config, opts probes.Options) error {
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
				r, err := probes.Run(ctx, entries[i], opts)
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
