package parquet

import (
	"sync"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/diag"
)

// What a page may become, and what the values of a column in a batch may take. A page of zeros
// packs to nearly nothing, so one of the size of a record may be packed as well as it can be,
// and a larger one a hundred times; writers make pages of a megabyte.
const (
	pageRatio = 100
	pageFree  = format.MaxRecord
	pageMost  = 256 << 20
	// loadMost bounds the values and the levels of a leaf for one batch: a dictionary can
	// say a long text in one bit. A batch that would have more gets fewer rows.
	loadMost = 128 << 20
)

// large is what is panicked with, through the library, when memory is refused.
type large struct{ err *diag.Error }

// tooMany is a large about a load of several rows, which fewer rows may heal.
type tooMany struct{ large }

func tooLarge(format string, args ...any) large {
	return large{diag.New(diag.LimitExceeded, format, args...)}
}

// pageMemory gives the library memory for a page whose header says how large it is.
type pageMemory struct{ memory.GoAllocator }

func (m *pageMemory) Allocate(n int) []byte {
	if n > pageMost {
		panic(tooLarge("a page of the Parquet file has %d MB; %d are the most", n>>20, pageMost>>20))
	}
	return m.GoAllocator.Allocate(n)
}

func (m *pageMemory) Reallocate(n int, b []byte) []byte {
	if n > pageMost {
		return m.Allocate(n)
	}
	return m.GoAllocator.Reallocate(n, b)
}

// boundCodecs puts codecs into the library that look at how far a page unpacks before they
// do it, and write no further than the page's header says.
var boundCodecs = sync.OnceFunc(func() {
	for _, c := range []compress.Compression{compress.Codecs.Snappy, compress.Codecs.Gzip, compress.Codecs.Brotli, compress.Codecs.Zstd} {
		if inner, err := compress.GetCodec(c); err == nil {
			compress.RegisterCodec(c, boundCodec{inner, c})
		}
	}
})

type boundCodec struct {
	compress.Codec
	kind compress.Compression
}

var unzstd = sync.OnceValue(func() *zstd.Decoder {
	// Options that are constants do not fail.
	d, _ := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true))
	return d
})

// Decode is called with a page of which the header says that it becomes dst.
func (c boundCodec) Decode(dst, src []byte) []byte {
	if len(dst) > pageFree && len(dst)/pageRatio > len(src) {
		panic(tooLarge("a page of the Parquet file unpacks from %d bytes to %d MB; above %d MB it may %d times", len(src), len(dst)>>20, pageFree>>20, pageRatio))
	}
	switch c.kind {
	case compress.Codecs.Snappy:
		if n, err := snappy.DecodedLen(src); err == nil && n > len(dst) {
			panic("a page is longer than its header says")
		}
	case compress.Codecs.Zstd:
		out, err := unzstd().DecodeAll(src, dst[:0:len(dst)])
		if err != nil {
			panic(err)
		}
		return out
	}
	return c.Codec.Decode(dst, src)
}
