package feed

import (
	"fmt"
	"io"
	"strings"
)

// github makes a feed as GitHub sends it: so many releases, each with a list
// of so many changes.
func github(entries, changes int) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" xml:lang="en-US">
  <id>tag:github.com,2008:https://github.com/ville/portail/releases</id>
  <link type="text/html" rel="alternate" href="https://github.com/ville/portail/releases"/>
  <link type="application/atom+xml" rel="self" href="https://github.com/ville/portail/releases.atom"/>
  <title>Release notes from portail</title>
  <updated>2026-08-14T09:12:41Z</updated>
`)
	for i := range entries {
		fmt.Fprintf(&b, `  <entry>
    <id>tag:github.com,2008:Repository/123456/v2.%d.0</id>
    <updated>2026-08-%02dT09:12:41Z</updated>
    <link rel="alternate" type="text/html" href="https://github.com/ville/portail/releases/tag/v2.%d.0"/>
    <title>Portail 2.%d.0</title>
    <content type="html">&lt;h2&gt;Changes&lt;/h2&gt;&lt;ul&gt;`, entries-i, 28-i%28, entries-i, entries-i)
		for j := range changes {
			fmt.Fprintf(&b, "&lt;li&gt;fix: the form no longer forgets what was typed when the session ends by &lt;a href=&quot;https://github.com/agent%d&quot;&gt;@agent%d&lt;/a&gt; in &lt;a href=&quot;https://github.com/ville/portail/pull/%d&quot;&gt;#%d&lt;/a&gt; and a few words more to make it as long as they are, with care and patience, so that a reader knows what has changed and why it had to&lt;/li&gt;\n", j, j, i*100+j, i*100+j)
		}
		b.WriteString(`&lt;/ul&gt;</content>
    <author><name>agent</name></author>
    <media:thumbnail height="30" width="30" url="https://avatars.githubusercontent.com/u/1?s=60&amp;v=4"/>
  </entry>
`)
	}
	b.WriteString("</feed>\n")
	return b.String()
}

// repeated is a long document without the memory for it.
func repeated(head, part string, n int, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), &parts{part: part, left: n}, strings.NewReader(tail))
}

type parts struct {
	part string
	left int
	rest string
}

func (p *parts) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		if p.rest == "" {
			if p.left == 0 {
				break
			}
			p.left--
			p.rest = p.part
		}
		m := copy(b[n:], p.rest)
		n, p.rest = n+m, p.rest[m:]
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
