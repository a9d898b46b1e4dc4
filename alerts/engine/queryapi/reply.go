package queryapi

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/prometheus/util/annotations"
)

const (
	// spillAt is how much of an answer is kept before it is written.
	spillAt = 32 << 10
	// zipFrom is the size from which an answer is worth compressing.
	zipFrom = 1 << 10
	// maxNotes is how many warnings, and how many infos, an answer tells.
	maxNotes = 10
)

// A reply writes one successful answer, compressed if the client takes that.
type reply struct {
	w    http.ResponseWriter
	zips *sync.Pool // nil if the client takes no gzip
	zip  *gzip.Writer
	open bool // the header was written
}

func (a *api) newReply(w http.ResponseWriter, r *http.Request) *reply {
	w.Header().Add("Vary", "Accept-Encoding")
	out := &reply{w: w}
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		out.zips = a.zips
	}
	return out
}

// takesGzip reads Accept-Encoding as far as it is of use: gzip, not refused.
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(coding) == "gzip" {
			_, weight, _ := strings.Cut(q, "=")
			f, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
			return q == "" || err == nil && f > 0
		}
	}
	return false
}

// A streamer writes itself as JSON; other data goes through encoding/json.
type streamer interface{ stream(*jsonWriter) }

// send writes the answer. query is the expression that the warnings' positions
// refer to. It fails only before anything was written: what goes wrong later
// is the connection, which the client sees by itself.
func (p *reply) send(data any, notes annotations.Annotations, query string) error {
	warnings, infos := notes.AsStrings(query, maxNotes, maxNotes)
	slices.Sort(warnings)
	slices.Sort(infos)
	j := &jsonWriter{dst: p}
	j.raw(`{"status":"success","data":`)
	if s, ok := data.(streamer); ok {
		s.stream(j)
	} else if err := j.value(data); err != nil {
		return err
	}
	if err := j.list(`,"warnings":`, warnings); err != nil {
		return err
	}
	if err := j.list(`,"infos":`, infos); err != nil {
		return err
	}
	j.raw("}")
	p.finish(j)
	return nil
}

// list writes a field of strings, unless there are none.
func (j *jsonWriter) list(field string, list []string) error {
	if len(list) == 0 {
		return nil
	}
	j.raw(field)
	return j.value(list)
}

// value writes anything that encoding/json can.
func (j *jsonWriter) value(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	j.buf = append(j.buf, b...)
	return nil
}

// Write takes a part of a long answer; the first makes the header.
func (p *reply) Write(b []byte) (int, error) {
	p.header(p.zips != nil)
	if p.zip != nil {
		return p.zip.Write(b)
	}
	return p.w.Write(b)
}

func (p *reply) header(zipped bool) {
	if p.open {
		return
	}
	p.open = true
	p.w.Header().Set("Content-Type", "application/json")
	if zipped {
		p.w.Header().Set("Content-Encoding", "gzip")
		p.zip = p.zips.Get().(*gzip.Writer)
		p.zip.Reset(p.w)
	}
	p.w.WriteHeader(http.StatusOK)
}

// finish writes what is left.
func (p *reply) finish(j *jsonWriter) {
	if !p.open && (p.zips == nil || len(j.buf) < zipFrom) {
		p.w.Header().Set("Content-Length", strconv.Itoa(len(j.buf)))
		p.header(false)
	}
	j.spill()
	if p.zip != nil {
		_ = p.zip.Close() // a client that has gone needs no answer
		p.zip.Reset(io.Discard)
		p.zips.Put(p.zip)
		p.zip = nil
	}
}
