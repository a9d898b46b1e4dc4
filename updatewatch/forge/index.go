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

	"tocsin/internal/debian"
	"tocsin/updatewatch/feed"
)

const (
	maxIndex  = 256 << 20 // bytes of an index, decompressed; Debian's own has 55 MB
	firstLook = 16 << 10  // bytes that must show that it is one
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
	in = bufio.NewReaderSize(limited, firstLook)
	if begin, _ := in.Peek(firstLook); !bytes.Contains(begin, []byte("Package:")) {
		return nil, errors.New("this is no Packages index")
	}
	stanzas := debian.NewScanner(in, "Package", "Version")
	var versions []string
	for n := 0; stanzas.Scan(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if string(stanzas.Value(0)) == name && stanzas.Value(1) != nil && len(versions) < maxReleases {
			versions = append(versions, stanzas.Text(1))
		}
	}
	switch err := stanzas.Err(); {
	case err != nil:
		return nil, fmt.Errorf("read index: %w", err)
	case limited.N <= 0:
		return nil, fmt.Errorf("%w: more than %d bytes", feed.ErrTooLarge, maxIndex)
	}
	return versions, nil
}
