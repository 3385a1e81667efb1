package state

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// A rig runs one random program on the stores of a job: steps of a structure beside
// a naive model of it, snapshots that are written while steps go on, confirmed or
// given up, and crashes after which other subtasks go on from the files. What it
// sees goes into a trace, which must be the same whatever pages and budgets are.
type rig struct {
	t    *testing.T
	rnd  *rand.Rand // of the program: the same for all settings
	cfg  Config
	now  int64
	step int
	ops  int // operations so far: rows, entries, timers
	drv  driver

	stores []*Store
	parts  []any
	trace  []string
	sums   []string // of snapshots, unless they are raw

	// keeps: now and then stores go on from what was kept of them, after steps that count
	// for nothing.
	keeps *rand.Rand

	ids     int64
	longest int // of chains
	// looks: nothing crashes and no snapshot but the first is complete, and now and then
	// other stores are filled from the newest checkpoint.
	looks   *rand.Rand
	raw     bool // hashes of snapshots are not asked for
	pending *pendingSnap
	saved   *savedPoint // the newest confirmed checkpoint
	files   []map[int64]savedFile
}

// driver is a structure with its model.
type driver interface {
	// open makes the structure in a store.
	open(s *Store) any
	// op does one random step on all stores and checks it.
	op(r *rig)
	// check compares all content.
	check(r *rig)
	// copy is the model as it is, back puts it back.
	copy() any
	back(m any)
}

// savedFile is the file of a snapshot, with those that a restore needs before it.
type savedFile struct {
	data   []byte
	before []int64
}

type pendingSnap struct {
	id    int64
	snaps []*Snapshot
	bufs  []*bytes.Buffer
	infos []Info
	done  chan error
	at    int // step at which it ends
	fail  bool
	model any
	now   int64
	hash  []uint64
}

type savedPoint struct {
	id    int64
	model any
	now   int64
	hash  []uint64
}

const groups = 128

func (r *rig) start(p int, chains []Chain) {
	r.stores, r.parts, r.files = nil, nil, nil
	for i := range p {
		c := r.cfg
		c.Groups, c.MaxGroups = OwnedBy(i, p, groups), groups
		s := New(c)
		if len(chains) > 0 {
			if err := s.Restore(chains); err != nil {
				r.t.Fatal(err)
			}
		}
		s.BeginStep(r.now)
		r.parts = append(r.parts, r.drv.open(s))
		if err := s.Err(); err != nil {
			r.t.Fatal(err)
		}
		r.stores = append(r.stores, s)
		r.files = append(r.files, map[int64]savedFile{})
	}
}

func (r *rig) stop() {
	for _, s := range r.stores {
		if err := s.Close(); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) note(format string, args ...any) {
	r.trace = append(r.trace, fmt.Sprintf(format, args...))
}

func (r *rig) fatal(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("step %d: %s", r.step, fmt.Sprintf(format, args...))
}

// owner is the subtask of a key group.
func (r *rig) owner(kg uint16) int {
	for i, s := range r.stores {
		if s.Groups().Has(int(kg)) {
			return i
		}
	}
	panic("no owner")
}

func (r *rig) hashes() []uint64 {
	var out []uint64
	for _, s := range r.stores {
		out = append(out, s.Hashes()...)
	}
	return out
}

// run does n steps, and goes on until so many operations are done. ps are the
// parallelisms that crashes choose from.
func (r *rig) run(n, ops int, ps []int) {
	r.start(ps[0], nil)
	for r.step = 0; r.step < n || r.ops < ops; r.step++ {
		r.now += int64(r.rnd.IntN(30))
		for _, s := range r.stores {
			s.BeginStep(r.now)
		}
		r.drv.op(r)
		for _, s := range r.stores {
			if err := s.EndStep(); err != nil {
				r.fatal("%v", err)
			}
		}
		if r.pending != nil && r.step >= r.pending.at {
			r.endSnapshot()
		}
		if r.keeps != nil && r.keeps.IntN(6) == 0 {
			r.detour()
		}
		switch k := r.rnd.IntN(24); {
		case k < 4 && r.pending == nil:
			r.beginSnapshot()
		case k == 4:
			r.drv.check(r)
		case k == 5 && r.looks == nil && r.saved != nil && r.rnd.IntN(2) == 0:
			r.crash(ps[r.rnd.IntN(len(ps))])
		}
	}
	if r.pending != nil {
		r.endSnapshot()
	}
	r.drv.check(r)
	r.note("end %x", r.hashes())
	r.stop()
}

// detour keeps the stores, does steps of another program with them, and goes on from what
// was kept, twice: nothing of the steps may be seen.
func (r *rig) detour() {
	ops := r.ops
	defer func() { r.ops = ops }()
	want := r.hashes()
	var kept []*Kept
	for _, s := range r.stores {
		k := s.Keep()
		if k == nil {
			return // a snapshot is being written
		}
		kept = append(kept, k)
	}
	program, now, trace := r.rnd, r.now, len(r.trace)
	model := r.drv.copy()
	r.rnd = r.keeps
	for range 2 {
		for range r.keeps.IntN(4) {
			r.now += int64(r.rnd.IntN(30))
			for _, s := range r.stores {
				s.BeginStep(r.now)
			}
			r.drv.op(r)
			for _, s := range r.stores {
				if err := s.EndStep(); err != nil {
					r.fatal("%v", err)
				}
			}
		}
		for i, k := range kept {
			r.stores[i] = k.Store()
			r.stores[i].BeginStep(now)
			r.parts[i] = r.drv.open(r.stores[i])
		}
		r.now, r.trace = now, r.trace[:trace]
		r.drv.back(model)
		model = r.drv.copy()
		if !slices.Equal(r.hashes(), want) {
			r.fatal("what was kept has changed")
		}
		r.drv.check(r)
	}
	r.rnd = program
}

func (r *rig) beginSnapshot() {
	r.ids++
	p := &pendingSnap{id: r.ids, done: make(chan error, len(r.stores)), at: r.step + r.rnd.IntN(4), fail: r.rnd.IntN(5) == 0, model: r.drv.copy(), now: r.now}
	p.hash = r.hashes()
	full := r.rnd.IntN(10) == 0 && r.looks == nil
	p.infos = make([]Info, len(r.stores))
	for i, s := range r.stores {
		n := s.Snapshot(p.id, full)
		b := &bytes.Buffer{}
		if r.raw {
			n.Unhashed()
		}
		p.snaps, p.bufs = append(p.snaps, n), append(p.bufs, b)
		go func() {
			var err error
			p.infos[i], err = n.Write(b)
			p.done <- err
		}()
	}
	r.pending = p
}

func (r *rig) endSnapshot() {
	p := r.pending
	r.pending = nil
	for range p.snaps {
		if err := <-p.done; err != nil {
			r.fatal("%v", err)
		}
	}
	sum := make([]uint64, 0, groups)
	for i, n := range p.snaps {
		sum = append(sum, p.infos[i].Groups...)
		if n.Base() == 0 && !r.raw && !slices.Equal(p.infos[i].Groups, p.hash[r.stores[i].Groups().From:r.stores[i].Groups().To]) {
			r.fatal("the hash of a complete snapshot is not that of the content")
		}
		if p.fail {
			r.stores[i].Abort(p.id)
			continue
		}
		f := savedFile{data: p.bufs[i].Bytes()}
		if k := n.Files(); k > 0 {
			base := append(slices.Clone(r.files[i][n.Base()].before), n.Base())
			f.before = base[len(base)-k:]
		}
		r.files[i][p.id] = f
		r.longest = max(r.longest, len(f.before)+1)
		r.stores[i].Confirm(p.id)
	}
	r.note("snapshot %d base %d", p.id, p.snaps[0].Base())
	if !r.raw {
		r.sums = append(r.sums, fmt.Sprintf("snapshot %d %x", p.id, sum))
	}
	if !p.fail {
		r.saved = &savedPoint{p.id, p.model, p.now, p.hash}
		if r.looks != nil && r.looks.IntN(3) == 0 {
			r.look()
		}
	}
}

// look fills other stores from the newest checkpoint and compares them.
func (r *rig) look() {
	stores, parts, files, now, model := r.stores, r.parts, r.files, r.now, r.drv.copy()
	r.now = r.saved.now
	r.drv.back(r.saved.model)
	r.saved.model = r.drv.copy()
	r.start(1+r.looks.IntN(3), r.chains())
	if got := r.hashes(); !slices.Equal(got, r.saved.hash) {
		r.fatal("a chain of %d files has other content", len(files[0][r.saved.id].before)+1)
	}
	r.drv.check(r)
	r.stop()
	r.stores, r.parts, r.files, r.now = stores, parts, files, now
	r.drv.back(model)
}

// chains are the files of the newest confirmed checkpoint.
func (r *rig) chains() []Chain {
	var out []Chain
	for i := range r.files {
		var c Chain
		last := r.files[i][r.saved.id]
		for _, id := range last.before {
			c = append(c, bytes.NewReader(r.files[i][id].data))
		}
		out = append(out, append(c, bytes.NewReader(last.data)))
	}
	return out
}

func (r *rig) crash(p int) {
	if r.pending != nil {
		for range r.pending.snaps {
			<-r.pending.done
		}
		r.pending = nil
	}
	if len(r.files[0]) == 0 {
		return // nothing saved since the last crash
	}
	chains := r.chains()
	r.stop()
	r.now = r.saved.now
	r.drv.back(r.saved.model)
	r.saved.model = r.drv.copy()
	r.start(p, chains)
	if got := r.hashes(); !slices.Equal(got, r.saved.hash) {
		r.fatal("restored content has other hashes")
	}
	r.drv.check(r)
	r.saved = nil
}

// settings are pages and budgets under which a program must do the same.
var settings = []struct {
	name string
	c    Config
	keep bool
	raw  bool
}{
	{name: "plain"},
	{name: "kept", c: Config{PageBytes: 512}, keep: true},
	{name: "small pages", c: Config{PageBytes: 512}},
	{name: "one page", c: Config{PageBytes: 256, Memory: 1}},
	{name: "tight", c: Config{PageBytes: 512, Memory: 6 << 10}},
	{name: "raw", c: Config{PageBytes: 512}, raw: true},
}

var seedFlag = flag.Int64("state.seed", -1, "run random programs of this seed only")

// seeds are those of random programs: with MINK_ALL many and one that is another each
// time, which MINK_FRESH draws as well, else always the same. Names of subtests have them.
func seeds() []uint64 {
	drawn := uint64(1e6)
	if os.Getenv("MINK_ALL") != "" || os.Getenv("MINK_FRESH") != "" {
		drawn = uint64(rand.IntN(1e6))
	}
	switch {
	case *seedFlag >= 0:
		return []uint64{uint64(*seedFlag)}
	case os.Getenv("MINK_ALL") != "":
		return []uint64{0, 1, 2, 3, 4, 5, 6, 7, drawn}
	case testing.Short():
		return []uint64{drawn}
	}
	return []uint64{0, drawn}
}

// runLists runs the programs of MINK_LISTS seeds, each of listOps operations and twice, on
// pages, budgets and parallelism that are drawn: what is seen must be the same. MINK_SEED
// says the first seed.
func runLists(t *testing.T, make func() driver) {
	n, _ := strconv.ParseUint(os.Getenv("MINK_LISTS"), 10, 64)
	first, _ := strconv.ParseUint(os.Getenv("MINK_SEED"), 10, 64)
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint("MINK_SEED=", seed), func(t *testing.T) {
			draw := rand.New(rand.NewPCG(seed, 9))
			ps := []int{1 + draw.IntN(4), 1 + draw.IntN(4), 1 + draw.IntN(4)}
			var rigs [2]*rig
			for i := range rigs {
				c := Config{
					PageBytes: [...]int{0, 256, 512, 1024, 4096}[draw.IntN(5)],
					Memory:    [...]int64{0, 1, 2 << 10, 6 << 10, 16 << 10, 64 << 10}[draw.IntN(6)],
				}
				r := &rig{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), cfg: c, now: 1_000_000, drv: make()}
				if draw.IntN(4) == 0 {
					r.cfg.Memory, r.keeps = 0, rand.New(rand.NewPCG(seed, 8))
				}
				r.raw = draw.IntN(2) == 0
				r.run(0, listOps, ps)
				rigs[i] = r
			}
			sameRuns(t, rigs[0], rigs[1])
		})
	}
	t.Logf("%d lists of %d operations", n, listOps)
}

const listOps = 10_000

// sameRuns compares what two rigs have seen, and the sums of snapshots of those that have them.
func sameRuns(t *testing.T, first, r *rig) {
	t.Helper()
	sameTraces(t, first.trace, r.trace)
	if !first.raw && !r.raw {
		sameTraces(t, first.sums, r.sums)
	}
}

func sameTraces(t *testing.T, first, trace []string) {
	t.Helper()
	for k := range min(len(first), len(trace)) {
		if first[k] != trace[k] {
			t.Fatalf("entry %d of the trace differs:\n%.400s\n%.400s", k, first[k], trace[k])
		}
	}
	if len(first) != len(trace) {
		t.Fatalf("traces of %d and %d entries", len(first), len(trace))
	}
}

// program runs a driver under all settings and compares the traces.
func program(t *testing.T, steps int, ps []int, make func() driver) {
	t.Helper()
	if os.Getenv("MINK_LISTS") != "" {
		runLists(t, make)
		return
	}
	if testing.Short() && raceOn {
		steps /= 3
	}
	for _, seed := range seeds() {
		var first *rig
		for i, set := range settings {
			name := fmt.Sprintf("seed %d, %s", seed, set.name)
			ok := t.Run(name, func(t *testing.T) {
				r := &rig{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), cfg: set.c, now: 1_000_000, drv: make(), raw: set.raw}
				if set.keep {
					r.keeps = rand.New(rand.NewPCG(seed, 8))
				}
				r.run(steps, 0, ps)
				if i == 0 {
					first = r
					return
				}
				sameRuns(t, first, r)
			})
			if !ok {
				return
			}
		}
	}
}

// keyKind makes keys of some types out of small numbers.
type keyKind struct {
	name  string
	types []types.Type
	value func(k int) []any
}

func text(k int) string {
	switch k % 4 {
	case 0:
		return fmt.Sprintf("k%d", k)
	case 1:
		return fmt.Sprintf("a rather long key, with number %d", k)
	case 2:
		return "z\x00" + strings.Repeat("\x00", k%5) + fmt.Sprint(k)
	}
	return strings.Repeat("x", k)
}

var keyKinds = []keyKind{
	{"bigint", []types.Type{types.BigIntT}, func(k int) []any {
		if k == 0 {
			return []any{nil}
		}
		return []any{int64(k-20) * 1_000_003}
	}},
	{"int", []types.Type{types.IntT.Nullable(false)}, func(k int) []any { return []any{int64(k - 9)} }},
	{"double", []types.Type{types.DoubleT}, func(k int) []any { return []any{float64(k-9) / 4} }},
	{"string", []types.Type{types.StringT}, func(k int) []any {
		if k == 0 {
			return []any{nil}
		}
		return []any{text(k)}
	}},
	{"string and bigint", []types.Type{types.StringT, types.BigIntT}, func(k int) []any {
		if k%7 == 0 {
			return []any{text(k), nil}
		}
		return []any{text(k / 2), int64(k)}
	}},
}

// keyed makes a batch of keys and what routes them.
func (kk *keyKind) batch(ks []int, more ...func(b *batch.BatchBuilder, i int)) (*batch.Batch, *batch.KeyVec) {
	b := batch.NewBatchBuilder(kk.types...)
	for _, k := range ks {
		b.Row(batch.Insert, kk.value(k)...)
	}
	out := b.Finish()
	cols := make([]int, len(kk.types))
	for i := range cols {
		cols[i] = i
	}
	var kv batch.KeyVec
	batch.HashKeys(&kv, out, cols, groups)
	return out, &kv
}

// order is the order of keys: key group, then normalised key.
type keyOrder struct {
	kg  uint16
	key string
}

func (kk *keyKind) order(k int) keyOrder {
	b, kv := kk.batch([]int{k})
	key := MakeKey(b, kv, 0, nil)
	return keyOrder{key.Group, string(key.Bytes)}
}

func (a keyOrder) cmp(b keyOrder) int {
	if a.kg != b.kg {
		return int(a.kg) - int(b.kg)
	}
	return strings.Compare(a.key, b.key)
}

// split gives each store the lanes it owns.
func (r *rig) split(kv *batch.KeyVec, n int) [][]uint16 {
	r.ops += n
	out := make([][]uint16, len(r.stores))
	for l := range n {
		o := r.owner(kv.KG[l])
		out[o] = append(out[o], uint16(l))
	}
	return out
}
