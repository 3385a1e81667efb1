package state

// index maps 64-bit hashes to row numbers above 0 by open addressing with linear
// probing. It does not know keys: whoever uses it verifies a row with the hash.
// Deletion shifts back, so there are no tombstones.
type index struct {
	slots []slot
	n     int
	shift uint
}

type slot struct {
	hash uint64
	row  uint32
}

const indexMin = 64

func (x *index) init() {
	if x.slots == nil {
		x.slots, x.shift = make([]slot, indexMin), 64-6
	}
}

// home is where the search for a hash begins.
func (x *index) home(h uint64) uint64 { return h * 0x9E3779B97F4A7C15 >> x.shift }

// insert adds a row that is known not to be there.
func (x *index) insert(h uint64, row uint32) {
	x.init()
	if (x.n+1)*4 > len(x.slots)*3 {
		x.grow()
	}
	x.n++
	x.place(h, row)
}

func (x *index) place(h uint64, row uint32) {
	mask := uint64(len(x.slots) - 1)
	i := x.home(h)
	for x.slots[i].row != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = slot{h, row}
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]slot, 2*len(old))
	x.shift--
	for _, s := range old {
		if s.row != 0 {
			x.place(s.hash, s.row)
		}
	}
}

// remove takes out the entry of a row.
func (x *index) remove(h uint64, row uint32) {
	mask := uint64(len(x.slots) - 1)
	i := x.home(h)
	for x.slots[i].row != row {
		if x.slots[i].row == 0 {
			return
		}
		i = (i + 1) & mask
	}
	x.n--
	// Move later entries of the run into the hole where they may stand there.
	for k := (i + 1) & mask; x.slots[k].row != 0; k = (k + 1) & mask {
		home := x.home(x.slots[k].hash)
		if (k-home)&mask >= (k-i)&mask {
			x.slots[i] = x.slots[k]
			i = k
		}
	}
	x.slots[i] = slot{}
}

func (x *index) mem() int64 { return int64(len(x.slots)) * 16 }
