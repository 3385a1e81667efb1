package batch

import (
	"encoding/binary"
	"errors"
	"io"

	flatbuffers "github.com/google/flatbuffers/go"
)

// What Arrow's readers make of the tables in a message they make before they look whether
// it is there: a vector says how long it is, a field may be named by many others, and a few
// bytes stand for more memory than there is, which no recover catches. These bounds are
// looked at first.
const (
	arrowFieldsMax = 10_000
	arrowFooterMax = 64 << 20
)

var errArrow = errors.New("an Arrow message is malformed, or has more than 10000 fields or 64 levels")

// Slots of the tables of Arrow's format (Message.fbs, Schema.fbs, File.fbs), and the kinds
// of messages.
const (
	slotMessageType, slotMessageHeader, slotMessageMeta       = 6, 8, 12
	slotSchemaFields, slotSchemaMeta, slotSchemaFeatures      = 6, 8, 10
	slotFieldType, slotFieldChildren, slotFieldMeta           = 8, 14, 16
	slotBatchNodes, slotBatchBuffers, slotBatchVariadic       = 6, 8, 12
	slotDictionaryBatch                                       = 6
	slotFooterSchema, slotFooterDictionaries, slotFooterBatch = 6, 8, 10

	messageSchema, messageDictionary, messageBatch = 1, 2, 3
	typeUnion                                      = 14
	blockBytes                                     = 24
)

// CheckArrowMessage looks at the metadata of a message that came from outside, before a
// reader of Arrow's does.
func CheckArrowMessage(header []byte) (err error) {
	defer func() {
		if recover() != nil { // an offset leads out of the message
			err = errArrow
		}
	}()
	msg := flatbuffers.Table{Bytes: header, Pos: flatbuffers.GetUOffsetT(header)}
	kind, at := byte(0), flatbuffers.UOffsetT(msg.Offset(slotMessageHeader))
	if o := msg.Offset(slotMessageType); o != 0 {
		kind = msg.GetByte(msg.Pos + flatbuffers.UOffsetT(o))
	}
	if _, ok := vectorOf(&msg, slotMessageMeta, flatbuffers.SizeUOffsetT); !ok || at == 0 {
		return errArrow
	}
	var t flatbuffers.Table
	msg.Union(&t, at)
	switch kind {
	case messageSchema:
		return checkSchema(&t)
	case messageDictionary:
		o := flatbuffers.UOffsetT(t.Offset(slotDictionaryBatch))
		if o == 0 {
			return errArrow
		}
		return checkBatch(&flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(t.Pos + o)})
	case messageBatch:
		return checkBatch(&t)
	}
	return errArrow
}

// CheckArrowFile looks at the footer of a file and at the metadata of each of its messages.
func CheckArrowFile(r io.ReaderAt, size int64) (err error) {
	defer func() {
		if recover() != nil {
			err = errArrow
		}
	}()
	const tail = 4 + 6 // the footer's length, and ARROW1
	var end [tail]byte
	if size < 2*tail {
		return errArrow
	}
	if _, err := r.ReadAt(end[:], size-tail); err != nil && err != io.EOF {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(end[:]))
	if n > size-2*tail || n > arrowFooterMax {
		return errArrow
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, size-tail-n); err != nil {
		return err
	}
	footer := flatbuffers.Table{Bytes: text, Pos: flatbuffers.GetUOffsetT(text)}
	o := flatbuffers.UOffsetT(footer.Offset(slotFooterSchema))
	if o == 0 {
		return errArrow
	}
	if err := checkSchema(&flatbuffers.Table{Bytes: text, Pos: footer.Indirect(footer.Pos + o)}); err != nil {
		return err
	}
	for _, slot := range [...]flatbuffers.VOffsetT{slotFooterDictionaries, slotFooterBatch} {
		n, ok := vectorOf(&footer, slot, blockBytes)
		if !ok {
			return errArrow
		}
		for i := range n {
			b := text[int(footer.Vector(flatbuffers.UOffsetT(footer.Offset(slot))))+i*blockBytes:]
			at, meta, body := int64(binary.LittleEndian.Uint64(b)), int64(int32(binary.LittleEndian.Uint32(b[8:]))), int64(binary.LittleEndian.Uint64(b[16:]))
			if at < 0 || meta < 8 || body < 0 || at > size || meta > size-at || body > size-at-meta {
				return errArrow
			}
			head := make([]byte, meta)
			if _, err := r.ReadAt(head, at); err != nil {
				return err
			}
			skip := 4 // the length of the metadata, behind a mark in files of today
			if binary.LittleEndian.Uint32(head) == 0xFFFFFFFF {
				skip = 8
			}
			if err := CheckArrowMessage(head[skip:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// vectorOf is the length of a vector with elements of so many bytes, if all of it is there.
func vectorOf(t *flatbuffers.Table, slot flatbuffers.VOffsetT, size int) (n int, ok bool) {
	o := flatbuffers.UOffsetT(t.Offset(slot))
	if o == 0 {
		return 0, true
	}
	n = t.VectorLen(o)
	return n, n >= 0 && int64(t.Vector(o))+int64(n)*int64(size) <= int64(len(t.Bytes))
}

func checkSchema(t *flatbuffers.Table) error {
	_, meta := vectorOf(t, slotSchemaMeta, flatbuffers.SizeUOffsetT)
	_, features := vectorOf(t, slotSchemaFeatures, 8)
	left := arrowFieldsMax
	if !meta || !features || !fieldsFit(t, slotSchemaFields, 0, &left) {
		return errArrow
	}
	return nil
}

func fieldsFit(t *flatbuffers.Table, slot flatbuffers.VOffsetT, depth int, left *int) bool {
	n, ok := vectorOf(t, slot, flatbuffers.SizeUOffsetT)
	if *left -= n; !ok || *left < 0 || n > 0 && depth == arrowDepthMax {
		return false
	}
	if n == 0 {
		return true
	}
	at := t.Vector(flatbuffers.UOffsetT(t.Offset(slot)))
	for i := range n {
		field := flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(at + flatbuffers.UOffsetT(i)*flatbuffers.SizeUOffsetT)}
		if o := field.Offset(slotFieldType); o != 0 && field.GetByte(field.Pos+flatbuffers.UOffsetT(o)) == typeUnion {
			return false // nothing of mink's reads one
		}
		if _, ok := vectorOf(&field, slotFieldMeta, flatbuffers.SizeUOffsetT); !ok || !fieldsFit(&field, slotFieldChildren, depth+1, left) {
			return false
		}
	}
	return true
}

// checkBatch looks at the buffers that columns of views say they have.
func checkBatch(t *flatbuffers.Table) error {
	_, nodes := vectorOf(t, slotBatchNodes, 16)
	buffers, ok := vectorOf(t, slotBatchBuffers, 16)
	counts, fit := vectorOf(t, slotBatchVariadic, 8)
	if !nodes || !ok || !fit {
		return errArrow
	}
	if counts > 0 {
		at := t.Vector(flatbuffers.UOffsetT(t.Offset(slotBatchVariadic)))
		for i := range counts {
			if c := t.GetInt64(at + flatbuffers.UOffsetT(i)*8); c < 0 || c > int64(buffers) {
				return errArrow
			}
		}
	}
	return nil
}
