package dump

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxUnzipped and maxZipped bound what is unpacked of one gzip file: a few
// seconds of one core, once for each new backup. Of larger files only the
// beginning is known to be right: gzip has no end that could be told from a
// cut.
const (
	maxZipped   = 64 << 20
	maxUnzipped = 1 << 30
)

// gzipped unpacks the file, whose end has a checksum of all of it, and looks
// at the dump inside.
func gzipped(ctx context.Context, f *file) error {
	if f.size > maxZipped {
		return nil
	}
	in, err := gzip.NewReader(io.NewSectionReader(f, 0, f.size))
	if err != nil {
		return cut(err)
	}
	var ends ends
	n, err := io.Copy(&ends, io.LimitReader(&interruptible{ctx, in}, maxUnzipped))
	if err != nil {
		return cut(err)
	}
	if n == maxUnzipped {
		return nil // the rest is not known
	}
	return endsInWords(ends.head, ends.tail)
}

// cut translates what a decompressor says of a file that was cut off or
// damaged.
func cut(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: gzip's checksum is missing", ErrTruncated)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return err
}

// interruptible ends with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (i *interruptible) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(b)
}

// ends keeps the first and the last bytes of what is written to it.
type ends struct{ head, tail []byte }

// Write implements io.Writer.
func (e *ends) Write(b []byte) (int, error) {
	e.head = append(e.head, b[:min(len(b), headSize-len(e.head))]...)
	e.tail = append(e.tail, b[max(0, len(b)-tailSize):]...)
	if len(e.tail) > 2*tailSize {
		e.tail = append(e.tail[:0], e.tail[len(e.tail)-tailSize:]...)
	}
	return len(b), nil
}

// maxBlocks bounds the walk over the blocks of a zstd file: at 128 KiB a block
// some 13 GB of unpacked data. What comes after is not known.
const maxBlocks = 100_000

// zstandard walks from frame to frame and block to block by their lengths, as
// RFC 8878, section 3.1, lays them out. Nothing is unpacked.
func zstandard(ctx context.Context, f *file) error {
	blocks := 0
	for at := int64(0); at < f.size; {
		next, err := f.zstdFrame(ctx, at, &blocks)
		if err != nil || next < 0 {
			return err
		}
		at = next
	}
	return nil
}

// zstdFrame returns where the frame at this offset ends; -1 where nobody looks
// any further.
func (f *file) zstdFrame(ctx context.Context, at int64, blocks *int) (int64, error) {
	const magic, skippable = 0xFD2FB528, 0x184D2A50
	start, err := f.at(at, min(8, f.size-at))
	if err != nil {
		return 0, err
	}
	if len(start) < 8 {
		return 0, fmt.Errorf("%w: in the middle of a zstd frame", ErrTruncated)
	}
	switch id := binary.LittleEndian.Uint32(start); {
	case id&^0xF == skippable:
		return f.within(at + 8 + int64(binary.LittleEndian.Uint32(start[4:])))
	case id != magic:
		return 0, fmt.Errorf("%w: bytes after a zstd frame are none", ErrForeign)
	}
	descriptor := start[4]
	at += 5 + zstdHeader(descriptor)
	for last := false; !last; {
		if *blocks++; *blocks > maxBlocks {
			return -1, nil
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		header, err := f.at(at, 3)
		if err != nil {
			return 0, err
		}
		block := uint32(header[0]) | uint32(header[1])<<8 | uint32(header[2])<<16
		size := int64(block >> 3)
		switch block >> 1 & 3 {
		case 1: // one byte, to be repeated
			size = 1
		case 3:
			return 0, fmt.Errorf("%w: a zstd block is of no kind that exists", ErrForeign)
		}
		last = block&1 == 1
		if at, err = f.within(at + 3 + size); err != nil {
			return 0, err
		}
	}
	if descriptor>>2&1 == 1 {
		at += 4 // the checksum
	}
	return f.within(at)
}

// zstdHeader is the length of a frame's header after its descriptor.
func zstdHeader(descriptor byte) int64 {
	single := descriptor >> 5 & 1
	content := [...]int64{int64(single), 2, 4, 8}[descriptor>>6]
	return 1 - int64(single) + [...]int64{0, 1, 2, 4}[descriptor&3] + content
}

// within returns an offset that lies in the file.
func (f *file) within(at int64) (int64, error) {
	if at > f.size {
		return 0, fmt.Errorf("%w: in the middle of a zstd frame", ErrTruncated)
	}
	return at, nil
}

// xz wants the magic that ends a stream, before padding of zeros: section
// 2.1.2.4 of the .xz file format.
func xz(_ context.Context, f *file) error {
	if !bytes.HasSuffix(bytes.TrimRight(f.tail, "\x00"), []byte("YZ")) {
		return fmt.Errorf("%w: the end of the xz stream is missing", ErrTruncated)
	}
	return nil
}
