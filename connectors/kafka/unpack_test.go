package kafka

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// packed packs text in each way that producers do. whole tells that the size stands in front.
func packed(t testing.TB, text []byte) map[string]struct {
	codec kgo.CompressionCodecType
	data  []byte
	whole bool
} {
	stream := func(open func(w io.Writer) io.WriteCloser) []byte {
		var b bytes.Buffer
		w := open(&b)
		for part := range bytesChunks(text) {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	java := append(append([]byte{}, xerial...), 0, 0, 0, 1, 0, 0, 0, 1)
	for part := range bytesChunks(text) {
		block := s2.EncodeSnappy(nil, part)
		java = append(binary.BigEndian.AppendUint32(java, uint32(len(block))), block...)
	}
	half := len(text) / 2
	return map[string]struct {
		codec kgo.CompressionCodecType
		data  []byte
		whole bool
	}{
		"gzip":             {kgo.CodecGzip, stream(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }), false},
		"lz4":              {kgo.CodecLz4, stream(func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) }), false},
		"zstd":             {kgo.CodecZstd, z.EncodeAll(text, nil), true},
		"zstd, two frames": {kgo.CodecZstd, z.EncodeAll(text[half:], z.EncodeAll(text[:half], nil)), false},
		"zstd, a stream": {kgo.CodecZstd, stream(func(w io.Writer) io.WriteCloser {
			e, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			return e
		}), false},
		"snappy":         {kgo.CodecSnappy, s2.EncodeSnappy(nil, text), true},
		"snappy of Java": {kgo.CodecSnappy, java, true},
	}
}

func bytesChunks(text []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(text) > 0 {
			n := min(32<<10, len(text))
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

// TestUnpack: what was packed comes out, whatever the size, up to the limit and not a byte
// above it, and damage is an error.
func TestUnpack(t *testing.T) {
	for _, n := range []int{1, 4096, 4097, 100_000, 1 << 20} {
		text := bytes.Repeat([]byte(strings.Repeat("mink", 7)+"!"), n/29+1)[:n]
		for name, p := range packed(t, text) {
			for _, most := range []int{n, n + 1, 16 << 20} {
				if got, err := unpack(p.data, p.codec, most); err != nil || !bytes.Equal(got, text) {
					t.Errorf("%s of %d, at most %d: %d bytes, %v", name, n, most, len(got), err)
				}
			}
			if got, err := unpack(p.data, p.codec, n-1); !errors.Is(err, kgo.ErrMaxDecompress) {
				t.Errorf("%s of %d, at most %d: %d bytes, %v", name, n, n-1, len(got), err)
			}
			if got, err := unpack(p.data[:len(p.data)-1], p.codec, 16<<20); err == nil && bytes.Equal(got, text) && !strings.HasPrefix(name, "zstd") {
				t.Errorf("%s of %d is whole without its last byte", name, n)
			}
		}
	}
	if got, err := new(unpacker).Decompress([]byte("as it is"), kgo.CodecNone); err != nil || string(got) != "as it is" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := new(unpacker).Decompress([]byte("x"), 7); err == nil {
		t.Error("an unknown way of packing")
	}
}

// TestUnpackBombs: batches that would become far more than they are take no more memory
// than the limit and a tenth of it.
func TestUnpackBombs(t *testing.T) {
	const tables = 10 << 20 // of the decoders: windows and blocks
	for name, p := range packed(t, make([]byte, unpackFree+4<<20)) {
		if p.codec == kgo.CodecSnappy {
			continue // packs no better than to a twentieth
		}
		limit := unpackFree // of what is packed better than to a hundredth
		if p.whole {
			limit = 0 // it is known before
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := new(unpacker).Decompress(p.data, p.codec)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, kgo.ErrMaxDecompress) {
			t.Errorf("%s of %d bytes: %v", name, len(p.data), err)
		}
		if took := int(after.TotalAlloc - before.TotalAlloc); took > limit+limit/10+tables {
			t.Errorf("%s in %d bytes took %d MB, of %d allowed", name, len(p.data), took>>20, limit>>20)
		}
	}
	z := packed(t, bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, unpackFree/7+1))["zstd"]
	rest := bytes.Repeat([]byte{0}, unpackFree/50) // the batch is large enough for its ratio
	for name, c := range map[string]struct {
		src []byte
		ok  bool
	}{"better than a hundred": {z.data, false}, "no better": {skipped(z.data, rest), true}} {
		if out, err := new(unpacker).Decompress(c.src, z.codec); (err == nil) != c.ok || c.ok && len(out) < unpackFree {
			t.Errorf("%s: %d bytes of %d, %v", name, len(out), len(c.src), err)
		}
	}
	whole := packed(t, make([]byte, 1))["zstd"]
	for _, src := range [][]byte{sized(unpackMost + 1), skipped(sized(unpackMost+1), make([]byte, unpackMost/50))} {
		if out, err := new(unpacker).Decompress(src, whole.codec); !errors.Is(err, kgo.ErrMaxDecompress) {
			t.Errorf("more than all: %d bytes, %v", len(out), err)
		}
	}
	// A frame of a few bytes may say that what comes needs a window of gigabytes.
	wide := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0, 0}
	if out, err := unpack(wide, kgo.CodecZstd, unpackMost); len(out) > 0 || err != nil && !errors.Is(err, kgo.ErrMaxDecompress) {
		t.Errorf("a window of 2 GB: %d bytes, %v", len(out), err)
	}
}

// TestUnpackHeld: a client that has unpacked enough waits until it is taken, but one batch
// is always let in.
func TestUnpackHeld(t *testing.T) {
	z := packed(t, make([]byte, unpackFree))["zstd"]
	u := &unpacker{count: true}
	for round := range 2 {
		n := 0
		for ; ; n++ {
			out, err := u.Decompress(z.data, z.codec)
			if errors.Is(err, errHeld) && !errors.Is(err, kgo.ErrMaxDecompress) {
				break
			}
			if err != nil || len(out) != unpackFree || n > 100 {
				t.Fatalf("batch %d: %v", n, err)
			}
		}
		if want := unpackHeld / unpackFree; n != want {
			t.Errorf("round %d: %d batches, want %d", round, n, want)
		}
		u.taken()
	}
}

// skipped puts a frame in front that decoders pass over.
func skipped(data, rest []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte{0x50, 0x2a, 0x4d, 0x18}, uint32(len(rest)))
	return append(append(out, rest...), data...)
}

// sized is the head of a frame that says it holds n bytes.
func sized(n int) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0}, uint32(n)), 1, 0, 0)
}
