package protobuf

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/minkstream/mink/connectors/format"
)

// input is a message being read.
type input struct {
	data []byte // of all messages: what views point into
	i    int
	end  int
	why  string // what is wrong
	// copying says that data is not the input's: strings are copied out of it. A message
	// that comes in several pieces is put together first.
	copying bool
}

func (r *input) fail(format string, args ...any) bool {
	if r.why == "" {
		r.why = fmt.Sprintf(format, args...)
	}
	return false
}

func (r *input) cut() bool { return r.fail("not a message of its schema: cut off at byte %d", r.i) }

func (r *input) varint() (uint64, bool) {
	if r.i < r.end {
		if b := r.data[r.i]; b < 0x80 {
			r.i++
			return uint64(b), true
		}
	}
	v, n := protowire.ConsumeVarint(r.data[r.i:r.end])
	if n < 0 {
		return 0, r.cut()
	}
	r.i += n
	return v, true
}

// span passes over a length and as many bytes.
func (r *input) span() (from, to int, ok bool) {
	n, ok := r.varint()
	if !ok {
		return 0, 0, false
	}
	if n > uint64(r.end-r.i) {
		return 0, 0, r.fail("not a message of its schema: %d bytes are announced and %d are left", n, r.end-r.i)
	}
	from = r.i
	r.i += int(n)
	return from, r.i, true
}

// skip passes over a value of a field that is not read.
func (r *input) skip(number uint64, wire protowire.Type) bool {
	switch wire {
	case protowire.VarintType:
		_, ok := r.varint()
		return ok
	case protowire.Fixed32Type, protowire.Fixed64Type:
		n := 4
		if wire == protowire.Fixed64Type {
			n = 8
		}
		if r.end-r.i < n {
			return r.cut()
		}
		r.i += n
		return true
	case protowire.BytesType:
		_, _, ok := r.span()
		return ok
	case protowire.StartGroupType:
		_, _, ok := r.groupSpan(number)
		return ok
	}
	return r.fail("not a message of its schema: wire type %d at byte %d", wire, r.i)
}

// groupSpan passes over a group and gives what is between its marks.
func (r *input) groupSpan(number uint64) (from, to int, ok bool) {
	from = r.i
	open := []uint64{number}
	for {
		to = r.i
		key, ok := r.varint()
		if !ok {
			return 0, 0, false
		}
		n := key >> 3
		switch wire := protowire.Type(key & 7); wire {
		case protowire.StartGroupType:
			if open = append(open, n); len(open) > format.MaxBinaryDepth {
				return 0, 0, r.fail("groups nest more than %d deep", format.MaxBinaryDepth)
			}
		case protowire.EndGroupType:
			if open[len(open)-1] != n {
				return 0, 0, r.fail("not a message of its schema: the group ends as another one at byte %d", to)
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				return from, to, true
			}
		default:
			if !r.skip(n, wire) {
				return 0, 0, false
			}
		}
	}
}

// read reads the message data[from:to] into lane base of the plan's columns.
func (p *message) read(r *input, from, to, base int) bool {
	end := r.end
	r.i, r.end = from, to
	for _, k := range p.reset {
		k.to, k.pieces, k.entries = -1, false, k.entries[:0]
		if k.list || k.isMap {
			k.start = k.item.N()
		}
	}
	for r.i < to {
		key, ok := r.varint()
		if !ok {
			return false
		}
		number, wire := key>>3, protowire.Type(key&7)
		if number == 0 || number > uint64(protowire.MaxValidNumber) {
			return r.fail("not a message of its schema: field number %d", number)
		}
		k := p.find(int64(number))
		if k == nil {
			if !r.skip(number, wire) {
				return false
			}
			continue
		}
		for _, o := range k.others {
			o.forget(base)
		}
		switch {
		case k.form == formNone:
			ok = r.skip(number, wire)
		case wire == k.wire && k.form == formMessage:
			ok = k.part(r, base)
		case wire == k.wire:
			if !k.list && k.col.N() > base {
				k.col.Drop() // of several values the last one counts
			}
			ok = k.scalar(r)
		case k.list && wire == protowire.BytesType && k.form != formMessage:
			ok = k.packed(r)
		default: // some other field's, under this number
			ok = r.skip(number, wire)
		}
		if !ok {
			return false
		}
	}
	for _, k := range p.fields {
		if !k.finish(r, base) {
			return false
		}
	}
	r.i, r.end = to, end
	return true
}

// forget takes a value back: another one of its oneof came.
func (k *field) forget(base int) {
	if k.col.N() > base {
		k.col.Drop()
	}
	k.to, k.pieces = -1, false
}

func (k *field) scalar(r *input) bool {
	switch k.form {
	case formVarint, formBool:
		v, ok := r.varint()
		return ok && k.whole(r, int64(v))
	case formZigzag:
		v, ok := r.varint()
		if k.small {
			v = uint64(uint32(v)) // what is above is cut off before the sign is looked at
		}
		return ok && k.whole(r, int64(v>>1)^-int64(v&1))
	case formEnum:
		v, ok := r.varint()
		if ok && k.closed && k.names[int32(v)] == nil {
			return true
		}
		return ok && k.whole(r, int64(int32(v)))
	case formFixed32, formFloat:
		if r.end-r.i < 4 {
			return r.cut()
		}
		v := binary.LittleEndian.Uint32(r.data[r.i:])
		r.i += 4
		if k.form == formFloat {
			k.item.F32(math.Float32frombits(v))
			return true
		}
		return k.whole(r, int64(int32(v)))
	case formFixed64, formDouble:
		if r.end-r.i < 8 {
			return r.cut()
		}
		v := binary.LittleEndian.Uint64(r.data[r.i:])
		r.i += 8
		if k.form == formDouble {
			k.item.F64(math.Float64frombits(v))
			return true
		}
		return k.whole(r, int64(v))
	}
	from, to, ok := r.span()
	if !ok {
		return false
	}
	v := r.data[from:to]
	if k.form == formString && !utf8.Valid(v) {
		return r.fail("text of column `%s` is not UTF-8", k.name)
	}
	if r.copying {
		k.item.Bytes(v)
	} else {
		k.item.Ref(from, to)
	}
	return true
}

// packed reads the values of a list that lie behind one another.
func (k *field) packed(r *input) bool {
	from, to, ok := r.span()
	if !ok {
		return false
	}
	end := r.end
	r.i, r.end = from, to
	for r.i < to {
		if !k.scalar(r) {
			return false
		}
	}
	r.end = end
	return true
}

// part reads a message: of a field, an element of a list, or an entry of a map. Of a field,
// pieces that come apart are put together and read in the end.
func (k *field) part(r *input, base int) bool {
	var from, to int
	var ok bool
	if k.group {
		from, to, ok = r.groupSpan(uint64(k.number))
	} else {
		from, to, ok = r.span()
	}
	if !ok {
		return false
	}
	after := r.i
	switch {
	case k.isMap:
		k.entries = append(k.entries, entry{from: from, to: to})
		ok = k.msg.read(r, from, to, k.item.N())
	case k.list:
		ok = k.msg.read(r, from, to, k.item.N())
		k.item.EndStruct()
	case k.pieces:
		k.buf = append(k.buf, r.data[from:to]...)
	case k.to >= 0:
		k.buf = append(append(k.buf[:0], r.data[k.from:k.to]...), r.data[from:to]...)
		k.pieces = true
		k.col.Drop()
	default:
		k.from, k.to = from, to
		if ok = k.msg.read(r, from, to, base); ok {
			k.col.EndStruct()
		}
	}
	r.i = after
	return ok
}

// finish ends the field's value, which may be absent.
func (k *field) finish(r *input, base int) bool {
	switch {
	case k.list || k.isMap:
		if k.item.N() > k.start {
			if len(k.entries) > 1 && !k.lastOfKeys(r) {
				return false
			}
			k.col.EndList()
			return true
		}
		if k.useful {
			k.col.EndList()
			return true
		}
	case k.pieces:
		data := r.data
		whole := *r
		whole.data, whole.copying = k.buf, true
		if !k.msg.read(&whole, 0, len(k.buf), base) {
			return r.fail("%s", whole.why)
		}
		r.data = data
		k.col.EndStruct()
		return true
	case k.col.N() > base:
		return true
	case k.useful && k.form == formMessage:
		if !k.msg.read(r, 0, 0, base) {
			return false
		}
		k.col.EndStruct()
		return true
	case k.useful:
		return k.missing(r)
	}
	if k.notNull {
		return r.fail("field `%s` is not there, and its column is NOT NULL", k.name)
	}
	k.col.Null()
	return true
}

// lastOfKeys leaves of entries with the same key the last one, where the first one was.
func (k *field) lastOfKeys(r *input) bool {
	if k.seen == nil {
		k.seen = map[mapKey]int{}
	}
	clear(k.seen)
	kept := k.entries[:0]
	for _, e := range k.entries {
		key := k.keyOf(r, e)
		if at, ok := k.seen[key]; ok {
			kept[at] = e
			continue
		}
		k.seen[key] = len(kept)
		kept = append(kept, e)
	}
	if len(kept) == len(k.entries) {
		return true
	}
	k.entries = kept
	k.col.Undo()
	for _, e := range kept {
		if !k.msg.read(r, e.from, e.to, k.item.N()) {
			return false
		}
	}
	return true
}

// keyOf is the key of an entry that was read before.
func (k *field) keyOf(r *input, e entry) mapKey {
	form := k.msg.fields[0]
	scan := input{data: r.data, i: e.from, end: e.to}
	var key mapKey
	for scan.i < e.to {
		tag, _ := scan.varint()
		wire := protowire.Type(tag & 7)
		if tag>>3 != 1 || wire != form.wire {
			if !scan.skip(tag>>3, wire) {
				break
			}
			continue
		}
		from := scan.i
		switch form.form {
		case formString, formBytes:
			a, b, _ := scan.span()
			key.text = unsafe.String(unsafe.SliceData(r.data[a:b]), b-a)
		case formFixed32, formFixed64:
			scan.skip(1, wire)
			key.text = unsafe.String(unsafe.SliceData(r.data[from:scan.i]), scan.i-from)
		default:
			key.number, _ = scan.varint()
			if form.small {
				key.number = uint64(uint32(key.number))
			} else if form.form == formBool && key.number != 0 {
				key.number = 1
			}
		}
	}
	return key
}
