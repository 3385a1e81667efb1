package kafka

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/minkstream/mink/connectors/format"
)

// What a batch of records that a producer has packed may become. A few hundred bytes can
// hold gigabytes of zeros, so the size is known, or counted while it grows, before memory
// is taken for it.
const (
	// unpackRatio is how many times its packed size a batch may have; one of up to
	// unpackFree bytes may have any, since equal records pack well.
	unpackRatio = 100
	unpackFree  = format.MaxRecord
	// unpackMost is what no batch may exceed.
	unpackMost = 128 << 20
	// unpackHeld is what a client unpacks before its records are taken.
	unpackHeld = 256 << 20
)

// errHeld says that records have to be taken before more is unpacked: the client keeps what
// it has and fetches the rest again.
var errHeld = errors.New("what was unpacked waits to be taken")

// unpacker unpacks batches for a client. held is what was unpacked since it was last set to
// zero; with count it is bounded.
type unpacker struct {
	count bool
	held  atomic.Int64
}

var _ kgo.Decompressor = (*unpacker)(nil)

// Decompress is called for one batch after another of a broker's answer, and for several
// brokers at once.
func (u *unpacker) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if codec == kgo.CodecNone {
		return src, nil
	}
	most := min(max(unpackFree, unpackRatio*len(src)), unpackMost)
	room := most
	if held := u.held.Load(); u.count && held > 0 {
		room = int(min(int64(room), max(unpackHeld-held, 0)))
	}
	out, err := unpack(src, codec, room)
	if errors.Is(err, kgo.ErrMaxDecompress) && room < most {
		return nil, errHeld
	}
	u.held.Add(int64(len(out)))
	return out, err
}

// taken says that all that was unpacked has been taken.
func (u *unpacker) taken() { u.held.Store(0) }

// Decoders are kept: each has tables of some size.
var (
	gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}
	lz4s  = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
	zstds = sync.Pool{New: func() any { return zstdReader(zstd.WithDecoderMaxWindow(unpackMost)) }}
	// Of whole frames; a decoder that is in a stream has nothing left for them.
	frames = sync.Pool{New: func() any { return zstdReader(zstd.WithDecodeAllCapLimit(true)) }}
)

func zstdReader(o zstd.DOption) *zstd.Decoder {
	// Options that are constants do not fail.
	d, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), o)
	return d
}

// unpack gives what src holds, at most most bytes; more is kgo.ErrMaxDecompress.
func unpack(src []byte, codec kgo.CompressionCodecType, most int) ([]byte, error) {
	switch codec {
	case kgo.CodecGzip:
		d := gzips.Get().(*gzip.Reader)
		defer gzips.Put(d)
		if err := d.Reset(bytes.NewReader(src)); err != nil {
			return nil, err
		}
		return drain(d, nil, len(src), most)
	case kgo.CodecLz4:
		d := lz4s.Get().(*lz4.Reader)
		defer lz4s.Put(d)
		d.Reset(bytes.NewReader(src))
		return drain(d, nil, len(src), most)
	case kgo.CodecZstd:
		return unpackZstd(src, most)
	case kgo.CodecSnappy:
		return unpackSnappy(src, most)
	}
	return nil, errors.New("the batch is packed in a way that is not known")
}

// drain reads r to its end into chunks that together are never larger than most.
// chunk, if there is one, is the first.
func drain(r io.Reader, chunk []byte, packed, most int) ([]byte, error) {
	var full [][]byte
	n, size := 0, 0
	if len(chunk) == 0 {
		chunk = make([]byte, min(max(8*packed, 4096), most))
	}
	for {
		if n == len(chunk) {
			if size += n; size == most {
				var more [1]byte
				if k, err := io.ReadFull(r, more[:]); k > 0 {
					return nil, kgo.ErrMaxDecompress
				} else if err != io.EOF {
					return nil, err
				}
				size -= n
				break
			}
			full = append(full, chunk)
			chunk, n = make([]byte, min(max(size, 64<<10), most-size)), 0
		}
		k, err := r.Read(chunk[n:])
		n += k
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if full == nil {
		return chunk[:n], nil
	}
	out := make([]byte, 0, size+n)
	for _, c := range full {
		out = append(out, c...)
	}
	return append(out, chunk[:n]...), nil
}

// unpackZstd unpacks frames. One that says its size, and is alone, gets memory of that size.
func unpackZstd(src []byte, most int) ([]byte, error) {
	var whole []byte
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return nil, err
	}
	if h.HasFCS {
		if h.FrameContentSize > uint64(most) {
			return nil, kgo.ErrMaxDecompress
		}
		d := frames.Get().(*zstd.Decoder)
		defer frames.Put(d)
		whole = make([]byte, h.FrameContentSize)
		out, err := d.DecodeAll(src, whole[:0])
		if !errors.Is(err, zstd.ErrDecoderSizeExceeded) {
			return out, err
		}
	}
	d := zstds.Get().(*zstd.Decoder)
	defer zstds.Put(d)
	defer d.Reset(nil) // src is let go
	if err := d.Reset(bytes.NewReader(src)); err != nil {
		return nil, err
	}
	out, err := drain(d, whole, len(src), most)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = kgo.ErrMaxDecompress
	}
	return out, err
}

// xerial begins what Java's producers pack with Snappy: then come two numbers, and blocks,
// each behind its length.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHead = 16

func unpackSnappy(src []byte, most int) ([]byte, error) {
	blocks := [][]byte{src}
	if bytes.HasPrefix(src, xerial) && len(src) >= xerialHead {
		blocks = blocks[:0]
		for rest := src[xerialHead:]; len(rest) > 0; {
			if len(rest) < 4 || uint64(binary.BigEndian.Uint32(rest)) > uint64(len(rest)-4) {
				return nil, errors.New("a block of Snappy is cut off")
			}
			n := int(binary.BigEndian.Uint32(rest))
			blocks, rest = append(blocks, rest[4:4+n]), rest[4+n:]
		}
	}
	size := 0
	for _, b := range blocks {
		n, err := s2.DecodedLen(b)
		if err != nil {
			return nil, err
		}
		if size += n; size > most {
			return nil, kgo.ErrMaxDecompress
		}
	}
	out, at := make([]byte, size), 0
	for _, b := range blocks {
		part, err := s2.Decode(out[at:], b)
		if err != nil {
			return nil, err
		}
		at += len(part)
	}
	return out, nil
}
