package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// arrowDepthMax is how deep an array may be nested.
const arrowDepthMax = 64

var errShort = errors.New("a buffer is shorter than its rows need")

// checkArrow finds what in an array that came from outside does not hold together: Arrow's
// arrays trust their buffers, and reading past them is a panic at best. What it lets
// through can be read at each lane.
func checkArrow(d arrow.ArrayData, depth int) error {
	n, off := int64(d.Len()), int64(d.Offset())
	if n < 0 || off < 0 || n > math.MaxInt32 || off > math.MaxInt32 {
		return fmt.Errorf("%d rows from row %d on", n, off)
	}
	if depth > arrowDepthMax {
		return fmt.Errorf("types nest more than %d deep", arrowDepthMax)
	}
	if u, ok := d.DataType().(arrow.TemporalWithUnit); ok && u.TimeUnit() > arrow.Nanosecond {
		return fmt.Errorf("a time in unit %d", u.TimeUnit())
	}
	end := off + n
	if d.DataType().ID() == arrow.NULL {
		return nil
	}
	if v := bufferOf(d, 0); len(v) > 0 && int64(len(v))*8 < end || len(v) == 0 && n > 0 && d.NullN() != 0 {
		return errShort // which rows are NULL is not there
	}
	kids := d.Children()
	switch t := d.DataType().(type) {
	case *arrow.BooleanType:
		return atLeast(d, 1, (end+7)/8)
	case *arrow.StringType, *arrow.BinaryType:
		return checkOffsets(d, 4, end, int64(len(bufferOf(d, 2))))
	case *arrow.LargeStringType, *arrow.LargeBinaryType:
		return checkOffsets(d, 8, end, int64(len(bufferOf(d, 2))))
	case *arrow.StringViewType, *arrow.BinaryViewType:
		return checkViews(d, off, end)
	case *arrow.DictionaryType:
		return checkDictionary(d, t, off, end, depth)
	case *arrow.StructType:
		if len(kids) != t.NumFields() {
			return fmt.Errorf("%d columns in a struct of %d", len(kids), t.NumFields())
		}
		for _, k := range kids {
			if int64(k.Len()) < end {
				return errShort
			}
			if err := checkArrow(k, depth+1); err != nil {
				return err
			}
		}
		return nil
	case *arrow.ListType, *arrow.MapType, *arrow.LargeListType, *arrow.FixedSizeListType:
		if len(kids) != 1 {
			return fmt.Errorf("a list of %d columns", len(kids))
		}
		if f, ok := t.(*arrow.FixedSizeListType); ok {
			if w := int64(f.Len()); w < 0 || w > 0 && int64(kids[0].Len())/w < end {
				return errShort
			}
		} else {
			width := 4
			if _, large := t.(*arrow.LargeListType); large {
				width = 8
			}
			if err := checkOffsets(d, width, end, int64(kids[0].Len())); err != nil {
				return err
			}
		}
		return checkArrow(kids[0], depth+1)
	case arrow.FixedWidthDataType:
		return checkWidth(d, end, int64(t.BitWidth()))
	}
	return fmt.Errorf("arrow %s is not read", d.DataType())
}

// bufferOf is a buffer's bytes, none where it is missing.
func bufferOf(d arrow.ArrayData, i int) []byte {
	if b := d.Buffers(); i < len(b) && b[i] != nil {
		return b[i].Bytes()
	}
	return nil
}

func atLeast(d arrow.ArrayData, i int, bytes int64) error {
	if int64(len(bufferOf(d, i))) < bytes {
		return errShort
	}
	return nil
}

// checkWidth asks for room for values of so many bits.
func checkWidth(d arrow.ArrayData, end, bits int64) error {
	if bits < 0 || bits > 0 && int64(len(bufferOf(d, 1)))*8/bits < end {
		return errShort
	}
	return nil
}

// checkOffsets goes through the offsets of lists or texts, which must rise and end within
// most.
func checkOffsets(d arrow.ArrayData, width int, end, most int64) error {
	b := bufferOf(d, 1)
	if end == 0 && len(b) == 0 {
		return nil
	}
	if int64(len(b)) < (end+1)*int64(width) {
		return errShort
	}
	last := int64(0)
	for i := int64(d.Offset()); i <= end; i++ {
		var o int64
		if width == 4 {
			o = int64(int32(binary.LittleEndian.Uint32(b[i*4:])))
		} else {
			o = int64(binary.LittleEndian.Uint64(b[i*8:]))
		}
		if o < last || o > most {
			return fmt.Errorf("the offset of row %d is %d, behind %d and of %d", i, o, last, most)
		}
		last = o
	}
	return nil
}

// checkViews looks at where each view points.
func checkViews(d arrow.ArrayData, off, end int64) error {
	if err := atLeast(d, 1, end*int64(arrow.ViewHeaderSizeBytes)); err != nil {
		return err
	}
	b, valid := bufferOf(d, 1), bufferOf(d, 0)
	for i := off; i < end; i++ {
		if len(valid) > 0 && valid[i/8]>>(i%8)&1 == 0 {
			continue
		}
		v := b[i*int64(arrow.ViewHeaderSizeBytes):][:arrow.ViewHeaderSizeBytes]
		size := int64(int32(binary.LittleEndian.Uint32(v)))
		if size < 0 {
			return fmt.Errorf("the view of row %d has %d bytes", i, size)
		}
		if size <= InlineMax {
			continue
		}
		at, from := binary.LittleEndian.Uint32(v[8:]), int64(int32(binary.LittleEndian.Uint32(v[12:])))
		if at > math.MaxInt32 || from < 0 || from+size > int64(len(bufferOf(d, 2+int(at)))) {
			return fmt.Errorf("the view of row %d points to nowhere", i)
		}
	}
	return nil
}

// checkDictionary looks at each index. Indices of null rows are not read.
func checkDictionary(d arrow.ArrayData, t *arrow.DictionaryType, off, end int64, depth int) error {
	width, ok := t.IndexType.(arrow.FixedWidthDataType)
	if !ok {
		return fmt.Errorf("indices of type %s", t.IndexType)
	}
	if err := checkWidth(d, end, int64(width.BitWidth())); err != nil {
		return err
	}
	dict, ok := d.Dictionary().(*array.Data)
	if !ok || dict == nil {
		return errors.New("a dictionary is missing")
	}
	if err := checkArrow(dict, depth+1); err != nil {
		return err
	}
	a := array.NewDictionaryData(d)
	defer a.Release()
	for i := range a.Len() {
		if !a.IsNull(i) {
			if k := a.GetValueIndex(i); k < 0 || k >= dict.Len() {
				return fmt.Errorf("row %d has number %d of a dictionary of %d", off+int64(i), k, dict.Len())
			}
		}
	}
	return nil
}
