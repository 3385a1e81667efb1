package parquet

import (
	"encoding/binary"
	"errors"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// checkedPages are the pages of a column, of which those are refused whose indexes
// into the dictionary have far more bits than the dictionary needs: the library
// would take memory for the largest index that it finds.
type checkedPages struct {
	file.PageReader
	leaf *leaf
	dict int32
	err  error
}

// freeBits is the width of indexes that is never refused.
const freeBits = 16

func (p *checkedPages) Next() bool {
	if p.err != nil || !p.PageReader.Next() {
		return false
	}
	var width byte
	switch page := p.Page().(type) {
	case *file.DictionaryPage:
		p.dict = page.NumValues()
	case *file.DataPageV1:
		data := page.Data()
		if !indexes(parquet.Encoding(page.Encoding())) {
			break
		}
		for _, levels := range []int16{p.leaf.maxRep, p.leaf.maxDef} {
			if levels == 0 {
				continue
			}
			if len(data) < 4 {
				break
			}
			n := int64(binary.LittleEndian.Uint32(data)) + 4
			data = data[min(n, int64(len(data))):]
		}
		if len(data) > 0 {
			width = data[0]
		}
	case *file.DataPageV2:
		data := page.Data()
		if at := int(page.RepetitionLevelByteLen()) + int(page.DefinitionLevelByteLen()); indexes(parquet.Encoding(page.Encoding())) && at >= 0 && at < len(data) {
			width = data[at]
		}
	}
	if width > freeBits && int64(1)<<min(width-1, 62) > 2*int64(p.dict) {
		p.err = errors.New("indexes are wider than the dictionary")
		return false
	}
	return true
}

func (p *checkedPages) Err() error {
	if p.err != nil {
		return p.err
	}
	return p.PageReader.Err()
}

func indexes(e parquet.Encoding) bool {
	return e == parquet.Encodings.RLEDict || e == parquet.Encodings.PlainDict
}
