package state

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// bump upserts keys and counts them.
func bump(t *Table, ks ...int) {
	b, kv := keyKinds[0].batch(ks)
	refs := make([]Ref, len(ks))
	t.Lookup(b, kv, nil, Upsert, refs, nil)
	for _, ref := range refs {
		t.Row(ref)[0]++
	}
}

func span(from, to int) []int {
	var out []int
	for k := from; k < to; k++ {
		out = append(out, k)
	}
	return out
}

func counting(s *Store) *Table { return s.Table("t", TableSpec{Key: keyKinds[0].types, Lanes: 1}) }

func write(t *testing.T, n *Snapshot) ([]byte, Info) {
	t.Helper()
	var b bytes.Buffer
	info, err := n.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes != int64(b.Len()) {
		t.Fatalf("Info says %d bytes of %d", info.Bytes, b.Len())
	}
	return b.Bytes(), info
}

// TestBudget keeps much more than fits, on a real disk, and finds all of it again.
func TestBudget(t *testing.T) {
	dir := t.TempDir() + "/spill"
	const budget = 256 << 10
	s := New(Config{Memory: budget, Dir: dir, PageBytes: 4 << 10})
	x := counting(s)
	m := s.MultiMap("m", MultiSpec{Key: keyKinds[0].types, Row: multiTypes})
	d := &multiDriver{kk: keyKinds[0]}
	const n = 20_000
	for k := 0; k < n; k += 500 {
		s.BeginStep(int64(k))
		ks := span(k, k+500)
		bump(x, ks...)
		rows := make([]multiRow, len(ks))
		for i := range rows {
			rows[i] = multiRow{n: int64(ks[i]), text: strings.Repeat("row ", 20)}
		}
		b, kv, cols := d.batch(ks, rows)
		m.Insert(b, kv, nil, cols, nil)
		if err := s.EndStep(); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.MemBytes(); got > budget {
		t.Errorf("%d bytes are in memory", got)
	}
	var spilled int64
	for _, d := range s.Describe() {
		spilled += d.Spilled
	}
	if spilled < n {
		t.Errorf("only %d entries are on disk", spilled)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) < 2 {
		t.Errorf("nothing is in the folder: %v %v", list, err)
	}
	for k := 0; k < n; k += 1000 {
		bump(x, span(k, k+1000)...)
		b, kv := keyKinds[0].batch(span(k, k+1000))
		var p Probe
		m.Probe(&p, b, kv, nil)
		p.Next(2000)
		if len(p.Refs) != 1000 {
			t.Fatalf("%d matches of keys from %d", len(p.Refs), k)
		}
		for i, r := range d.decode(m, p.Refs) {
			if r.n != int64(k+i) {
				t.Fatalf("row %d has %d", k+i, r.n)
			}
		}
		if err := s.EndStep(); err != nil {
			t.Fatal(err)
		}
	}
	at := 0
	var refs [100]Ref
	c := x.Cursor()
	for k := c.Next(refs[:]); k > 0; k = c.Next(refs[:]) {
		for _, ref := range refs[:k] {
			if x.Row(ref)[0] != 2 {
				t.Fatalf("a row counts %d", x.Row(ref)[0])
			}
			at++
		}
	}
	if at != n {
		t.Fatalf("%d rows", at)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// TestDiskFails has a disk on which no write succeeds.
func TestDiskFails(t *testing.T) {
	failing := errorfs.Wrap(vfs.NewMem(), errorfs.ErrInjected.If(errorfs.Writes))
	s := New(Config{Memory: 1, FS: failing, Dir: "d"})
	bump(counting(s), 1, 2, 3)
	err := s.EndStep()
	if diag.CodeOf(err) != diag.IO || s.Err() == nil {
		t.Fatalf("got %v", err)
	}
}

// TestIncremental writes what changed, and a share of the rest: only the first snapshot
// has all, and no restore needs many of them.
func TestIncremental(t *testing.T) {
	s := New(Config{PageBytes: 256})
	x := counting(s)
	bump(x, span(1, 5001)...)
	var chain []Chain
	files := map[int64][]byte{}
	before := map[int64][]int64{}
	longest, largest := 0, 0
	for id := int64(1); id <= 140; id++ {
		k := int(id) * 10
		bump(x, k, k+1)
		b, kv := keyKinds[0].batch([]int{2500 + int(id)})
		x.Delete(x.Get(MakeKey(b, kv, 0, nil), Write))
		n := s.Snapshot(id, false)
		data, info := write(t, n)
		keep := func(id int64) {
			base := append(slices.Clone(before[n.Base()]), n.Base())
			files[id], before[id] = data, base[len(base)-n.Files():]
		}
		keep(id)
		if (n.Base() == 0) != (id == 1) {
			t.Fatalf("snapshot %d continues %d", id, n.Base())
		}
		if id > 1 {
			largest, longest = max(largest, len(data)), max(longest, n.Files()+1)
			if info.Entries > 4 {
				t.Errorf("snapshot %d has %d entries that changed", id, info.Entries)
			}
		}
		if id == 5 { // never becomes durable: the next one has its changes too
			s.Abort(id)
			bump(x, 51)
			n = s.Snapshot(1000, false)
			data, _ = write(t, n)
			id = 1000
			keep(id)
		}
		s.Confirm(id)
		var c Chain
		for _, at := range append(slices.Clone(before[id]), id) {
			c = append(c, bytes.NewReader(files[at]))
		}
		chain = []Chain{c}
		r := New(Config{})
		if err := r.Restore(chain); err != nil {
			t.Fatal(err)
		}
		if counting(r); r.Err() != nil || !slices.Equal(r.Hashes(), s.Hashes()) {
			t.Fatalf("snapshot %d restores something else (%v)", id, r.Err())
		}
		if id == 1000 {
			id = 5
		}
	}
	if longest > chainMax {
		t.Errorf("a restore needs %d files", longest)
	}
	if largest > len(files[1])/16 {
		t.Errorf("a snapshot has %d bytes where the first has %d", largest, len(files[1]))
	}
}

// TestDamaged flips every byte of a file in turn: each change must be found, or be
// of no account.
func TestDamaged(t *testing.T) {
	s := New(Config{})
	bump(counting(s), 1, 2, 3)
	data, _ := write(t, s.Snapshot(1, true))
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 0x40
		r := New(Config{})
		err := r.Restore([]Chain{{bytes.NewReader(bad)}})
		if err == nil {
			counting(r)
			err = r.Err()
		}
		if err == nil {
			t.Fatalf("a changed byte %d of %d is not seen", i, len(data))
		}
		if diag.CodeOf(err) != diag.Checkpoint {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for n := range data {
		if err := New(Config{}).Restore([]Chain{{bytes.NewReader(data[:n])}}); diag.CodeOf(err) != diag.Checkpoint {
			t.Fatalf("a file cut to %d bytes: %v", n, err)
		}
	}
	old := bytes.ReplaceAll(data, []byte(snapshotMagic), []byte(snapshotForm+"3\n"))
	if err := New(Config{}).Restore([]Chain{{bytes.NewReader(old)}}); diag.CodeOf(err) != diag.Checkpoint || !strings.Contains(err.Error(), "form 3") {
		t.Errorf("a file of an older version: %v", err)
	}
	older := New(Config{})
	if err := older.Restore([]Chain{{bytes.NewReader(bytes.ReplaceAll(data, []byte(snapshotMagic), []byte(snapshotOlder)))}}); err != nil {
		t.Fatal(err)
	}
	if counting(older); older.Err() != nil || !slices.Equal(older.Hashes(), s.Hashes()) {
		t.Errorf("a file of the version before has other content: %v", older.Err())
	}
	r := New(Config{})
	if err := r.Restore([]Chain{{bytes.NewReader(data)}}); err != nil {
		t.Fatal(err)
	}
	r.Table("t", TableSpec{Key: keyKinds[3].types, Lanes: 1})
	if diag.CodeOf(r.Err()) != diag.Checkpoint {
		t.Errorf("a table of other keys is filled: %v", r.Err())
	}
}

// TestRangesTile checks R1 of determinism.md 12.
func TestRangesTile(t *testing.T) {
	for m := 1; m <= 128; m++ {
		for p := 1; p <= m; p++ {
			at := 0
			for i := range p {
				r := OwnedBy(i, p, m)
				if r.From != at || r.To <= r.From {
					t.Fatalf("subtask %d of %d owns %v of %d", i, p, r, m)
				}
				for g := r.From; g < r.To; g++ {
					if g*p/m != i {
						t.Fatalf("%d of %d groups goes to %d, not %d of %d", g, m, g*p/m, i, p)
					}
				}
				at = r.To
			}
			if at != m {
				t.Fatalf("%d subtasks own %d of %d groups", p, at, m)
			}
		}
	}
}

// TestIndexHostile inserts words whose homes were made to collide: the index must
// change its salt and stay quick.
func TestIndexHostile(t *testing.T) {
	var x index
	const n = 1 << 14
	for i := range uint64(n) {
		x.insert(i*0x9E3779B1+7, Ref(i+1))
	}
	// Words whose mixed form shares its high bits share a home.
	var bad []uint64
	for w := uint64(1); len(bad) < 2*probesMax; w++ {
		if (batch.Mix(w+golden)^batch.Mix(golden))>>50 == 0 {
			bad = append(bad, w)
		}
	}
	for i, w := range bad {
		if x.find(w) == None {
			x.insert(w, Ref(n+i+1))
		}
	}
	if x.salt == 0 {
		t.Error("the salt is as it was")
	}
	for i, w := range bad {
		if got := x.find(w); got != Ref(n+i+1) {
			t.Fatalf("word %d is %d", i, got)
		}
	}
	for i := range uint64(n) {
		x.remove(i*0x9E3779B1+7, Ref(i+1))
	}
	for i, w := range bad {
		if got := x.find(w); got != Ref(n+i+1) {
			t.Fatalf("word %d is %d after the others went", i, got)
		}
	}
}

// TestNoAllocations looks up rows that are there.
func TestNoAllocations(t *testing.T) {
	for _, kk := range keyKinds {
		s := New(Config{})
		x := s.Table("t", TableSpec{Key: kk.types, Lanes: 1})
		b, kv := kk.batch(span(1, 900))
		refs := make([]Ref, b.N)
		var g Grouper
		x.Lookup(b, kv, nil, Upsert, refs, nil)
		x.Group(&g, b, kv, nil, Upsert)
		if n := testing.AllocsPerRun(10, func() {
			x.Lookup(b, kv, nil, Upsert, refs, nil)
			x.Group(&g, b, kv, nil, Upsert)
		}); n > 0 {
			t.Errorf("%s: %v allocations a batch", kk.name, n)
		}
	}
}

// TestIndexLarge fills an index as chance would have it: that must not look like
// an attack.
func TestIndexLarge(t *testing.T) {
	var x index
	const n = 300_000
	for i := range uint64(n) {
		x.insert(batch.Mix(i), Ref(i+1))
	}
	if x.salt != 0 {
		t.Error("the salt changed")
	}
	for i := range uint64(n) {
		if x.find(batch.Mix(i)) != Ref(i+1) {
			t.Fatalf("word %d is lost", i)
		}
	}
}
