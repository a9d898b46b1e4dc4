package forge

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"tocsin/updatewatch/feed"
)

const (
	maxIndex = 256 << 20 // bytes of an index, decompressed; Debian's own has 55 MB
	maxLine  = 256 << 10
)

// askIndex reads the Packages index of a Debian repository: each version of
// the package is a release.
func (c *Client) askIndex(ctx context.Context, q Question) (Answer, error) {
	var versions []string
	a, err := c.visit(ctx, q, q.URL, http.Header{}, func(resp *http.Response) (err error) {
		versions, err = Packages(ctx, resp.Body, q.Package)
		return err
	})
	if err != nil || a.NotModified {
		return a, err
	}
	for _, v := range versions {
		a.Releases = append(a.Releases, Release{Tag: v, Title: q.Package + " " + v})
	}
	return a, nil
}

// Packages returns the versions of a package in a Packages index, which may be
// compressed by gzip. It reads the index as it comes and keeps none of it.
func Packages(ctx context.Context, r io.Reader, name string) ([]string, error) {
	in := bufio.NewReader(r)
	switch magic, _ := in.Peek(6); {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("read index: %w", err)
		}
		defer z.Close()
		r = z
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ")):
		return nil, errors.New("the index is compressed by xz; name the one that ends in .gz, beside it")
	default:
		r = in
	}
	limited := &io.LimitedReader{R: r, N: maxIndex}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	var versions []string
	ours, fields := false, 0
	for n := 0; lines.Scan(); n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		line := lines.Bytes()
		switch {
		case len(line) == 0:
			ours = false
		case bytes.HasPrefix(line, []byte("Package:")):
			fields++
			ours = string(bytes.TrimSpace(line[len("Package:"):])) == name
		case ours && bytes.HasPrefix(line, []byte("Version:")) && len(versions) < maxReleases:
			versions = append(versions, strings.TrimSpace(string(line[len("Version:"):])))
		case fields == 0 && n > 100:
			return nil, errors.New("this is no Packages index")
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return nil, fmt.Errorf("read index: %w", err)
	case limited.N <= 0:
		return nil, fmt.Errorf("%w: more than %d bytes", feed.ErrTooLarge, maxIndex)
	case fields == 0:
		return nil, errors.New("this is no Packages index")
	}
	return versions, nil
}
