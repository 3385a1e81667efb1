package state

// Queue holds entries until their time has come: timers, and rows that wait for
// the watermark.
//
// Entries come out by (time, key group, key bytes), equal ones in arrival order.
// A queue of timers is a set: an entry equal in time and key to one that waits is
// kept once.
type Queue struct{}

// QueueSpec is the shape of a Queue.
type QueueSpec struct {
	// Set keeps one of entries equal in time and key, the first: timers.
	Set bool
	// ByArrival orders entries of equal time and key group by arrival whatever
	// their keys: rows that wait.
	ByArrival bool
}

// Queue returns the queue of that name, filled if it was restored.
func (s *Store) Queue(name string, spec QueueSpec) *Queue { panic("unbuilt") }

// Add adds an entry. Key bytes and payload are copied.
func (q *Queue) Add(ts int64, k Key, payload []byte) { panic("unbuilt") }

// Min is the earliest time of any entry, and whether there is one.
func (q *Queue) Min() (int64, bool) { panic("unbuilt") }

// Len is the number of entries.
func (q *Queue) Len() int { panic("unbuilt") }

// Due takes at most limit entries with a time at or below upTo into d and reports
// whether more of them are left. What d had before is dropped.
func (q *Queue) Due(upTo int64, limit int, d *Due) bool { panic("unbuilt") }

// Due are entries that a Queue gave out; the bytes live until the next Due with
// the same d.
type Due struct {
	TS      []int64
	Keys    []Key
	Payload [][]byte
}
