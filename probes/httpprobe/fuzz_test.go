package httpprobe

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"testing"

	"github.com/andybalholm/brotli"
)

// FuzzUnpack has servers send anything as packed: no more than asked for is
// unpacked, and what cannot be is said to be the server's doing.
func FuzzUnpack(f *testing.F) {
	ways := compressions()
	bomb := make([]byte, 4<<20)
	for i, way := range ways {
		for _, content := range [][]byte{nil, []byte("Bienvenue"), bomb} {
			var packed bytes.Buffer
			var w io.WriteCloser
			switch way {
			case "gzip":
				w = gzip.NewWriter(&packed)
			case "deflate":
				w, _ = flate.NewWriter(&packed, flate.BestCompression) // the level is one
			case "br":
				w = brotli.NewWriter(&packed)
			default:
				continue
			}
			_, _ = w.Write(content) // into memory
			_ = w.Close()
			f.Add(packed.Bytes(), byte(i))
			f.Add(packed.Bytes()[:packed.Len()/2], byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, way byte) {
		const limit = 64 << 10
		compression := ways[int(way)%len(ways)]
		r, err := unpack(compression, bytes.NewReader(body))
		n := int64(0)
		if err == nil {
			n, err = io.Copy(io.Discard, io.LimitReader(r, limit+1))
		}
		var packed *packedError
		if err != nil && !errors.As(err, &packed) {
			t.Errorf("%s: %v is not told as the server's", compression, err)
		}
		if n > limit+1 || compression == "identity" && (err != nil || n != min(int64(len(body)), limit+1)) {
			t.Errorf("%s: %d bytes of %d, and %v", compression, n, len(body), err)
		}
	})
}
