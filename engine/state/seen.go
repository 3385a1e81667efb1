package state

// seenRecords are records of an arena that were read from disk in this step: a record is
// looked at more than once, when it is found and when it is given out. The zero value is
// ready.
type seenRecords struct {
	slots []uint32 // hash table of places in list, 1 up
	list  []seenRecord
	bytes int // in all chunks

	// The records' bytes lie in chunks, which are used again in the next step.
	chunks [][]byte
	at     int // the chunk in use
	used   int // of it
}

type seenRecord struct {
	ref RowRef
	rec []byte
}

const (
	seenChunk = 64 << 10
	// seenMost is how many records, or bytes of chunks, are kept in one step.
	seenMost  = 1 << 14
	seenBytes = 1 << 20
)

func (x *seenRecords) slot(ref RowRef) int {
	mask := len(x.slots) - 1
	i := int(uint64(ref)*golden>>32) & mask
	for x.slots[i] != 0 && x.list[x.slots[i]-1].ref != ref {
		i = (i + 1) & mask
	}
	return i
}

// find is the record of a ref, nil if it was not read.
func (x *seenRecords) find(ref RowRef) []byte {
	if len(x.list) == 0 {
		return nil
	}
	if k := x.slots[x.slot(ref)]; k != 0 {
		return x.list[k-1].rec
	}
	return nil
}

// add keeps a record, which stays where it is for the rest of the step.
func (x *seenRecords) add(ref RowRef, rec []byte) {
	if len(x.list) >= seenMost || x.bytes > seenBytes {
		// Whoever has a record may go on reading it.
		x.chunks, x.bytes = nil, 0
		x.forget()
	}
	if 2*len(x.list) >= len(x.slots) {
		x.slots = make([]uint32, max(64, 2*len(x.slots)))
		for k := range x.list {
			x.slots[x.slot(x.list[k].ref)] = uint32(k + 1)
		}
	}
	x.list = append(x.list, seenRecord{ref, rec})
	x.slots[x.slot(ref)] = uint32(len(x.list))
}

// room is memory for n bytes, no more than a chunk has, of which use says how many are needed.
func (x *seenRecords) room(n int) []byte {
	if x.at < len(x.chunks) && x.used+n > len(x.chunks[x.at]) {
		x.at, x.used = x.at+1, 0
	}
	if x.at == len(x.chunks) {
		x.chunks, x.used = append(x.chunks, make([]byte, seenChunk)), 0
		x.bytes += seenChunk
	}
	return x.chunks[x.at][x.used : x.used+n : x.used+n]
}

func (x *seenRecords) use(n int) { x.used += n }

// forget ends a step.
func (x *seenRecords) forget() {
	if len(x.list) > 0 {
		if len(x.slots) > 8*len(x.list) && len(x.slots) > 1024 {
			x.slots = nil
		}
		clear(x.slots)
		clear(x.list)
		x.list = x.list[:0]
	}
	x.at, x.used = 0, 0
}
