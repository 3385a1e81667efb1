package filesystem

import (
	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
	"strconv"
)

// splitter deals the rows of a batch to partitions.
type splitter struct {
	groups []group
	byKey  map[string]int // encoded partition values → group of this batch
	dirs   map[string]string
	key    []byte
}

// group is the rows of a batch that belong to one partition.
type group struct {
	dir   string
	lanes []uint16
}

// dirsMax bounds the memory of directory names.
const dirsMax = 10_000

// split returns the groups in the order of their first rows. They are valid until
// the next call.
func (s *splitter) split(b *batch.Batch, p *partitions) []group {
	if s.byKey == nil || len(s.dirs) > dirsMax {
		s.byKey, s.dirs = map[string]int{}, map[string]string{}
	}
	clear(s.byKey)
	n := 0
	last, lastGroup := -1, 0
	for i := range b.Rows() {
		lane := b.Lane(i)
		// Rows of one partition tend to come together.
		if last < 0 || !samePartition(b, p.cols, last, lane) {
			s.key = s.key[:0]
			for _, c := range p.cols {
				s.key = appendKey(s.key, &b.Cols[c], lane)
			}
			g, ok := s.byKey[string(s.key)]
			if !ok {
				dir, known := s.dirs[string(s.key)]
				if !known {
					dir = p.dir(b, lane)
					s.dirs[string(s.key)] = dir
				}
				g = n
				if n++; n > len(s.groups) {
					s.groups = append(s.groups, group{})
				}
				s.groups[g].dir, s.groups[g].lanes = dir, s.groups[g].lanes[:0]
				s.byKey[string(s.key)] = g
			}
			lastGroup = g
		}
		last = lane
		s.groups[lastGroup].lanes = append(s.groups[lastGroup].lanes, uint16(lane))
	}
	return s.groups[:n]
}

func samePartition(b *batch.Batch, cols []int, i, j int) bool {
	for _, k := range cols {
		c := &b.Cols[k]
		if c.Enc == batch.Const {
			continue
		}
		if c.Type.IsString() && c.Nulls == nil && c.Enc == batch.Flat {
			v, o := c.Views[i], c.Views[j]
			if v == o {
				continue
			}
			if v.Len() <= batch.InlineMax || v.A != o.A {
				return false
			}
		}
		if !c.EqualLanes(i, c, j) {
			return false
		}
	}
	return true
}

// appendKey writes the text of a value with its length, or a mark for NULL.
func appendKey(dst []byte, c *batch.Col, lane int) []byte {
	if c.IsNull(lane) {
		return append(dst, 0xFF)
	}
	from := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendPartitionText(dst, c, c.ValueLane(lane))
	n := len(dst) - from - 4
	dst[from], dst[from+1], dst[from+2], dst[from+3] = byte(n), byte(n>>8), byte(n>>16), 0
	return dst
}

// dir is the directory of a row's partition: name=value for each column.
func (p *partitions) dir(b *batch.Batch, lane int) string {
	var out []byte
	for i, k := range p.cols {
		if i > 0 {
			out = append(out, '/')
		}
		out = append(append(out, escapeName(p.names[i])...), '=')
		c := &b.Cols[k]
		var v []byte
		if !c.IsNull(lane) {
			v = appendPartitionText(nil, c, c.ValueLane(lane))
		}
		if len(v) == 0 {
			out = append(out, escapeName(p.nullDir)...)
		} else {
			out = append(out, escapeName(string(v))...)
		}
	}
	return string(out)
}

// appendPartitionText writes a value as the name of a partition has it.
func appendPartitionText(dst []byte, c *batch.Col, lane int) []byte {
	switch t := c.Type; t.Kind {
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		var s [12]byte
		return append(dst, c.Bytes(lane, &s)...)
	case types.Boolean:
		return strconv.AppendBool(dst, c.Bool(lane))
	case types.Float:
		return format.AppendJavaFloat(dst, float64(c.F32[lane]), 32)
	case types.Double:
		return format.AppendJavaFloat(dst, c.F64[lane], 64)
	case types.Decimal:
		return format.AppendDecimal(dst, format.DecOf(c, lane), t.Scale)
	case types.Date:
		return format.AppendDate(dst, int64(c.I32[lane]))
	case types.Time:
		return format.AppendTime(dst, c.I32[lane], t.Prec)
	case types.Timestamp:
		return format.AppendTimestamp(dst, c.I64[lane], t.PerSecond(), t.Prec, ' ')
	case types.TimestampLTZ:
		return append(format.AppendTimestamp(dst, c.I64[lane], t.PerSecond(), t.Prec, ' '), 'Z')
	default:
		return strconv.AppendInt(dst, c.Int(lane), 10)
	}
}
