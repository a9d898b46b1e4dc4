package feed

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html/charset"
)

// seen is what the parser's decoder makes of what the guard lets through.
func seen(r io.Reader) (depth, elements, namespaces int) {
	d := xml.NewDecoder(r)
	d.Strict = false
	d.CharsetReader = charset.NewReaderLabel
	var open []int
	scope := 0
	for {
		token, err := d.Token()
		if err != nil {
			return depth, elements, namespaces
		}
		switch e := token.(type) {
		case xml.StartElement:
			own := 0
			for _, a := range e.Attr {
				if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
					own++
				}
			}
			open, scope = append(open, own), scope+own
			elements++
			depth, namespaces = max(depth, len(open)), max(namespaces, scope)
		case xml.EndElement:
			if len(open) > 0 {
				scope -= open[len(open)-1]
				open = open[:len(open)-1]
			}
		default:
		}
	}
}

// Whatever the bytes, the parser never sees more depth, elements or
// namespaces than the guard has counted.
func FuzzGuard(f *testing.F) {
	for _, text := range []string{
		github(1, 1), rssHead + "<item><![CDATA[<a>]]]]><b/></item>", "<a><!--><b>--></a>", "<a><!---><b>--></a>",
		"<a b='<c>' d=e f><c/></a>", "<?xml version='1.0' encoding='windows-1252'?><a>\xe9</a>", "<a></b></c><d>",
		"<a xmlns:b='c' xmlns='d'><e xmlns/></a>", "<a><?x ?><?xml encoding=\"koi8-r\"?></a>", "<a b = 'c' / ><d>", "<a>]]\x01><b></a>",
		"<a b=c/><d e=/></a>", "<br><p></br></p>", "<a b=\"'>\" c='\">'><d></a>", "<!DOCTYPE a><a/>", "<a &lt;><b></a>", "<a\x0bb><c/>",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		limits := DefaultLimits()
		limits.Depth, limits.Elements, limits.Namespaces = 5, 20, 3
		g := newGuard(t.Context(), strings.NewReader(text), limits)
		depth, elements, namespaces := seen(g)
		if g.form == isJSON {
			return // it is never given to the parser of XML
		}
		if depth > limits.Depth || elements > limits.Elements || elements > g.xml.elements || namespaces > limits.Namespaces {
			t.Errorf("%q: the parser sees %d levels, %d elements, %d namespaces; the guard counted %d elements", text, depth, elements, namespaces, g.xml.elements)
		}
	})
}

// Whatever the bytes, Parse returns.
func FuzzParse(f *testing.F) {
	f.Add(github(2, 2))
	f.Add(`{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1}]}`)
	f.Add(rssHead + "<item><title>x</title></item></channel></rss>")
	f.Fuzz(func(t *testing.T, text string) {
		limits := DefaultLimits()
		all, err := Parse(t.Context(), strings.NewReader(text), limits)
		if err == nil && len(all) > limits.Entries {
			t.Errorf("%d entries", len(all))
		}
	})
}
