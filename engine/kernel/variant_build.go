package kernel

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// VariantBuilder makes VARIANT values of JSON. One builder serves many documents, one
// after the other, and allocates nothing once it has seen their size.
type VariantBuilder struct {
	value []byte // values, innermost first
	names []byte // names of the document, one behind the other
	ends  []int  // where each ends
	// members are those of the objects that are open, the innermost last; elems are the
	// beginnings of elements of open arrays.
	members []variantMember
	elems   []int
	// slots find a name's id: open addressing, of the documents up to now. Slots of
	// another round are empty.
	slots []nameSlot
	round uint32
	key   []byte
}

type variantMember struct{ id, at int }

type nameSlot struct {
	round uint32
	id    uint32
}

// Build appends the VARIANT of a JSON document to dst. It reports whether doc is JSON;
// repeated names in an object are allowed if duplicates is set, and then the last one
// counts.
func (b *VariantBuilder) Build(dst, doc []byte, duplicates bool) (out []byte, ok bool) {
	kind, from, to := CheckJSON(doc)
	if kind == JSONInvalid {
		return dst, false
	}
	b.begin()
	if _, ok := b.add(doc[:to], from, duplicates); !ok {
		return dst, false
	}
	return append(b.appendNames(dst), b.value...), true
}

func (b *VariantBuilder) begin() {
	b.value, b.names, b.ends = b.value[:0], b.names[:0], b.ends[:0]
	b.members, b.elems = b.members[:0], b.elems[:0]
	if b.round++; b.round == 0 || b.slots == nil {
		b.round = 1
		b.slots = make([]nameSlot, max(64, len(b.slots)))
	}
}

// add writes the value at i of a checked document and returns where it ends.
func (b *VariantBuilder) add(s []byte, i int, duplicates bool) (end int, ok bool) {
	switch s[i] {
	case '{':
		return b.object(s, i, duplicates)
	case '[':
		return b.array(s, i, duplicates)
	case '"':
		end := skipString(s, i)
		b.text(s[i:end])
		return end, true
	case 't':
		b.value = append(b.value, variantTrue<<2)
		return i + 4, true
	case 'f':
		b.value = append(b.value, variantFalse<<2)
		return i + 5, true
	case 'n':
		b.value = append(b.value, variantNull<<2)
		return i + 4, true
	}
	end = i
	for end < len(s) && !endsScalar(s[end]) {
		end++
	}
	b.number(s[i:end])
	return end, true
}

// text writes a string; s has its quotes.
func (b *VariantBuilder) text(s []byte) {
	if bytes.IndexByte(s, '\\') >= 0 {
		b.key = AppendUnquoted(b.key[:0], s)
		s = b.key
	} else {
		s = s[1 : len(s)-1]
	}
	b.value = appendVariantText(b.value, s)
}

func appendVariantText(dst, s []byte) []byte {
	if len(s) < 64 {
		return append(append(dst, byte(len(s)<<2|shapeShort)), s...)
	}
	dst = append(dst, variantString<<2)
	return append(appendUint(dst, len(s), 4), s...)
}

// number writes a number: a whole one in the fewest bytes, one with a point as an exact
// decimal of up to 38 digits, others as DOUBLE.
func (b *VariantBuilder) number(s []byte) {
	if v, ok := smallInt(s); ok {
		b.value = appendVariantInt(b.value, v)
		return
	}
	if !bytes.ContainsAny(s, "eE") {
		if d, scale, ok := exactNumber(s); ok {
			b.value = appendVariantDec(b.value, d, scale)
			return
		}
	}
	f, _ := strconv.ParseFloat(string(s), 64)
	b.value = append(b.value, variantDouble<<2)
	b.value = binary.LittleEndian.AppendUint64(b.value, math.Float64bits(f))
}

// smallInt reads a whole number of 64 bits.
func smallInt(s []byte) (int64, bool) {
	neg := s[0] == '-'
	if neg {
		s = s[1:]
	}
	if len(s) > 19 {
		return 0, false
	}
	v := uint64(0)
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	if neg {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v < 1<<63
}

// exactNumber reads digits with or without a point.
func exactNumber(s []byte) (d batch.Dec, scale int, ok bool) {
	if k := bytes.IndexByte(s, '.'); k >= 0 {
		scale = len(s) - k - 1
	}
	if scale > 38 {
		return d, 0, false
	}
	d, ok = ParseDec(s, 38, scale)
	return d, scale, ok
}

func appendVariantInt(dst []byte, v int64) []byte {
	switch {
	case v == int64(int8(v)):
		return append(dst, variantInt8<<2, byte(v))
	case v == int64(int16(v)):
		return binary.LittleEndian.AppendUint16(append(dst, variantInt16<<2), uint16(v))
	case v == int64(int32(v)):
		return binary.LittleEndian.AppendUint32(append(dst, variantInt32<<2), uint32(v))
	}
	return binary.LittleEndian.AppendUint64(append(dst, variantInt64<<2), uint64(v))
}

func appendVariantDec(dst []byte, d batch.Dec, scale int) []byte {
	v := int64(d.Lo)
	switch {
	case d != batch.DecOf(v) || v <= -1e18 || v >= 1e18 || scale > 18:
		dst = append(dst, variantDecimal16<<2, byte(scale))
		dst = binary.LittleEndian.AppendUint64(dst, d.Lo)
		return binary.LittleEndian.AppendUint64(dst, uint64(d.Hi))
	case v <= -1e9 || v >= 1e9 || scale > 9:
		return binary.LittleEndian.AppendUint64(append(dst, variantDecimal8<<2, byte(scale)), uint64(v))
	}
	return binary.LittleEndian.AppendUint32(append(dst, variantDecimal4<<2, byte(scale)), uint32(v))
}

func (b *VariantBuilder) object(s []byte, i int, duplicates bool) (int, bool) {
	had, start := len(b.members), len(b.value)
	for i = skipSpace(s, i+1); s[i] != '}'; i = skipSpace(s, i) {
		if s[i] == ',' {
			i = skipSpace(s, i+1)
		}
		end := skipString(s, i)
		name := s[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			b.key = AppendUnquoted(b.key[:0], s[i:end])
			name = b.key
		}
		b.members = append(b.members, variantMember{b.id(name), len(b.value) - start})
		i = skipSpace(s, skipSpace(s, end)+1)
		var ok bool
		if i, ok = b.add(s, i, duplicates); !ok {
			return i, false
		}
	}
	list := b.members[had:]
	slices.SortStableFunc(list, func(x, y variantMember) int { return bytes.Compare(b.nameOf(x.id), b.nameOf(y.id)) })
	// Of equal names the last one in the document is last here too.
	k := 0
	for j := range list {
		if j > 0 && list[j].id == list[j-1].id {
			if !duplicates {
				return i, false
			}
			list[k-1] = list[j]
			continue
		}
		list[k] = list[j]
		k++
	}
	list = list[:k]
	b.finishObject(start, list)
	b.members = b.members[:had]
	return i + 1, true
}

// finishObject puts the head of an object before its values.
func (b *VariantBuilder) finishObject(start int, list []variantMember) {
	size := len(b.value) - start
	most := 0
	for _, m := range list {
		most = max(most, m.id)
	}
	offSize, idSize := uintSize(size), uintSize(most)
	h := shapeObject | (offSize-1)<<2 | (idSize-1)<<4
	count := 1
	if len(list) > math.MaxUint8 {
		h |= 1 << 6
		count = 4
	}
	head := b.insert(start, 1+count+len(list)*idSize+(len(list)+1)*offSize)
	head = append(head, byte(h))
	head = appendUint(head, len(list), count)
	for _, m := range list {
		head = appendUint(head, m.id, idSize)
	}
	for _, m := range list {
		head = appendUint(head, m.at, offSize)
	}
	appendUint(head, size, offSize)
}

// insert makes room of n bytes at start and returns it, empty.
func (b *VariantBuilder) insert(start, n int) []byte {
	size := len(b.value)
	b.value = slices.Grow(b.value, n)[:size+n]
	copy(b.value[start+n:], b.value[start:size])
	return b.value[start : start : start+n]
}

func (b *VariantBuilder) array(s []byte, i int, duplicates bool) (int, bool) {
	had, start := len(b.elems), len(b.value)
	for i = skipSpace(s, i+1); s[i] != ']'; i = skipSpace(s, i) {
		if s[i] == ',' {
			i = skipSpace(s, i+1)
		}
		b.elems = append(b.elems, len(b.value)-start)
		var ok bool
		if i, ok = b.add(s, i, duplicates); !ok {
			return i, false
		}
	}
	list := b.elems[had:]
	size := len(b.value) - start
	offSize := uintSize(size)
	h, count := shapeArray|(offSize-1)<<2, 1
	if len(list) > math.MaxUint8 {
		h |= 1 << 4
		count = 4
	}
	head := b.insert(start, 1+count+(len(list)+1)*offSize)
	head = append(head, byte(h))
	head = appendUint(head, len(list), count)
	for _, at := range list {
		head = appendUint(head, at, offSize)
	}
	appendUint(head, size, offSize)
	b.elems = b.elems[:had]
	return i + 1, true
}

func (b *VariantBuilder) nameOf(id int) []byte {
	from := 0
	if id > 0 {
		from = b.ends[id-1]
	}
	return b.names[from:b.ends[id]]
}

// id is the number of a name in the document at hand.
func (b *VariantBuilder) id(name []byte) int {
	if 2*len(b.ends) >= len(b.slots) {
		b.slots = make([]nameSlot, 2*len(b.slots))
		for id := range b.ends {
			b.slots[b.find(b.nameOf(id))] = nameSlot{b.round, uint32(id)}
		}
	}
	at := b.find(name)
	if b.slots[at].round == b.round {
		return int(b.slots[at].id)
	}
	id := len(b.ends)
	b.slots[at] = nameSlot{b.round, uint32(id)}
	b.names = append(b.names, name...)
	b.ends = append(b.ends, len(b.names))
	return id
}

// find is the slot of a name, or the empty one where it goes.
func (b *VariantBuilder) find(name []byte) int {
	h := uint64(len(name)) * 0x9E3779B97F4A7C15
	for k := 0; k < len(name); k += 8 {
		var w uint64
		for j, c := range name[k:min(k+8, len(name))] {
			w |= uint64(c) << (8 * j)
		}
		hi, lo := bits.Mul64(h^w, 0x9E3779B97F4A7C15)
		h = hi ^ lo
	}
	mask := len(b.slots) - 1
	for at := int(h) & mask; ; at = (at + 1) & mask {
		s := b.slots[at]
		if s.round != b.round || bytes.Equal(b.nameOf(int(s.id)), name) {
			return at
		}
	}
}

// appendNames writes the metadata.
func (b *VariantBuilder) appendNames(dst []byte) []byte {
	if len(b.ends) == 0 {
		return append(dst, noNames...)
	}
	size := uintSize(max(len(b.names), len(b.ends)))
	dst = append(dst, byte(1|(size-1)<<6))
	dst = appendUint(dst, len(b.ends), size)
	dst = appendUint(dst, 0, size)
	for _, e := range b.ends {
		dst = appendUint(dst, e, size)
	}
	return append(dst, b.names...)
}

// appendOther writes null, bytes, dates and times as JSON.
func (v Variant) appendOther(dst []byte) []byte {
	if d, ok := v.Date(); ok {
		return append(AppendDate(append(dst, '"'), int64(d)), '"')
	}
	if us, instant, ok := v.Micros(); ok {
		dst = append(dst, '"')
		at := len(dst)
		dst = AppendTimestamp(dst, us, types.TimestampT(6))
		dst[at+bytes.IndexByte(dst[at:], ' ')] = 'T'
		if instant {
			dst = append(dst, "+00:00"...)
		}
		return append(dst, '"')
	}
	if s, ok := v.Binary(); ok {
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), s), '"')
	}
	return append(dst, "null"...)
}
