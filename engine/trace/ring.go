package trace

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/env"
)

// A ring is a tape that is not wanted unless somebody asks for it or the run fails: it lies
// in memory and is bounded. What is recorded lies in parts, one for what a task did between
// two bases. A base is a checkpoint with the tasks as they stood there. Where the parts
// become too many the oldest go, and the tape begins at the next base. Of a job that has no
// base to begin at nothing is left until there is one.
type ring struct {
	disk  *env.MemDisk
	size  int64 // most bytes
	age   time.Duration
	clock func() int64 // milliseconds

	bytes  int64
	parts  map[part]int64
	bases  []base       // at which the tape may come to begin, oldest first
	keep   bool         // it is wanted whatever comes
	lost   map[int]part // by job: up to where nothing is left
	newest int64        // bytes in all when the newest base was made
	total  int64        // bytes ever
	made   int64        // when
}

// base is where a tape may begin.
type base struct {
	job     int
	started Attempt
	bytes   int64
	made    int64
	outputs int // pieces of output before it, ever
}

// ringParts is the share of a ring behind which another base is wanted.
const ringParts = 4

// Ring begins a tape in memory, with its manifest written at the end alone, of at most
// size bytes. What is older than age is dropped where that is possible; 0 has no bound.
// clock gives milliseconds; nil stands still.
func Ring(m Manifest, size int64, age time.Duration, clock func() int64) (*Folder, error) {
	disk := env.NewMemDisk()
	f, err := Create(disk, "ring", m)
	if err != nil {
		return nil, err
	}
	if clock == nil {
		clock = func() int64 { return 0 }
	}
	f.ring = &ring{disk: disk, size: size, age: age, clock: clock, parts: map[part]int64{}, lost: map[int]part{}, made: clock()}
	return f, nil
}

// Bound changes how much a ring keeps; of another tape it changes nothing.
func (f *Folder) Bound(size int64, age time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring != nil {
		f.ring.size, f.ring.age = size, age
		f.trim()
	}
}

// Over reports that there is nothing of a job that failed, since it became too large and had
// no base to begin at.
func (f *Folder) Over() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.manifest.Jobs {
		if j := &f.manifest.Jobs[i]; j.Error != "" && len(j.Attempts) == 0 && f.Lost(i, 0) {
			return true
		}
	}
	return false
}

// Lost reports that nothing is left of the start of an attempt; it is called while the
// folder is being edited.
func (f *Folder) Lost(job int, attempt int64) bool {
	if f.ring == nil {
		return false
	}
	l, ok := f.ring.lost[job]
	return ok && attempt <= l.attempt
}

// Bytes is what a ring takes.
func (f *Folder) Bytes() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		return 0
	}
	return f.ring.bytes
}

// Held is what the memory of a ring has: Bytes, what its job has put out, and its manifest.
func (f *Folder) Held() int64 { return f.ring.disk.Bytes() }

// WantsBase reports that a ring would like to have a base of so many bytes.
// Of a job of which nothing is left it wants the next one.
func (f *Folder) WantsBase(job int, bytes int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.ring
	switch {
	case r == nil:
		return false
	case bytes > r.size/2:
		f.later()
		return false
	case r.total-r.newest > r.size/ringParts:
		return true
	}
	if _, lost := r.lost[job]; lost {
		return true
	}
	return r.age > 0 && r.clock()-r.made > r.age.Milliseconds()/2
}

// Later says that there can be no base now: it is asked for again after a while.
func (f *Folder) Later() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring != nil {
		f.later()
	}
}

func (f *Folder) later() { f.ring.newest, f.ring.made = f.ring.total, f.ring.clock() }

// IsRing reports a tape that may drop what is old.
func (f *Folder) IsRing() bool { return f.ring != nil }

// Takes counts bytes that are to be written for the start of an attempt and reports
// whether they still are.
func (f *Folder) Takes(job int, attempt, n int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.takes(part{job, attempt, -1, 0}, n)
}

// takes counts bytes of a part and reports whether it is kept.
func (f *Folder) takes(p part, n int64) bool {
	r := f.ring
	if r == nil {
		return true
	}
	if f.dropped(p) {
		return false
	}
	r.bytes, r.total = r.bytes+n, r.total+n
	r.parts[p] += n
	f.trim()
	return !f.dropped(p)
}

// dropped reports a part that is older than what the tape begins with.
func (f *Folder) dropped(p part) bool {
	if l, ok := f.ring.lost[p.job]; ok && (p.attempt < l.attempt || p.attempt == l.attempt && p.from <= l.from) {
		return true
	}
	b, ok := f.begins[p.job]
	return ok && b.behind(p)
}

// behind reports that a base of the same job comes after a part.
func (b *base) behind(p part) bool {
	return p.attempt < b.started.N || p.attempt == b.started.N && p.from < b.started.Checkpoint
}

// Base is where a checkpoint goes at which the tape may begin.
func (f *Folder) Base(job int, attempt, checkpoint int64) (env.Disk, string) {
	return f.disk, path.Join(f.dir, baseDir(job, attempt, checkpoint))
}

// framesName is the part of a base that has the tasks.
const framesName = "frames"

// AddBase says that the tape may begin at a checkpoint in an attempt, whose files are where
// Base says and take so many bytes. outputs is what Marked gave when it was begun. A ring
// drops older parts when it has to, another tape at once.
func (f *Folder) AddBase(job int, started Attempt, frames []byte, bytes int64, outputs int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.Frames(job, started, frames); err != nil {
		return err
	}
	b := base{job: job, started: started, bytes: bytes + int64(len(frames)), outputs: outputs}
	r := f.ring
	if r == nil {
		f.drop(b)
		return f.save()
	}
	if l, ok := r.lost[job]; ok {
		if started.N < l.attempt || started.N == l.attempt && started.Checkpoint <= l.from {
			_ = f.disk.RemoveAll(path.Join(f.dir, baseDir(job, started.N, started.Checkpoint)))
			return nil
		}
		delete(r.lost, job)
		f.lostBases(job)
		r.made = r.clock()
		r.bytes, r.total = r.bytes+b.bytes, r.total+b.bytes
		r.newest = r.total
		f.drop(b)
		f.trim()
		return nil
	}
	b.made = r.clock()
	r.newest, r.made = r.total, b.made
	r.bytes, r.total, r.newest = r.bytes+b.bytes, r.total+b.bytes, r.total+b.bytes
	r.bases = append(r.bases, b)
	f.trim()
	return nil
}

// Frames writes the tasks of a base.
func (f *Folder) Frames(job int, at Attempt, frames []byte) error {
	if err := writeFile(f.disk, path.Join(f.dir, baseDir(job, at.N, at.Checkpoint), framesName), frames); err != nil {
		return f.failed(err)
	}
	return nil
}

// trim drops what is too much or too old.
func (f *Folder) trim() {
	r := f.ring
	for {
		tooOld := len(r.bases) > 0 && r.age > 0 && r.clock()-r.bases[0].made >= r.age.Milliseconds()
		switch {
		case r.bytes <= r.size && !tooOld:
			return
		case len(r.bases) > 0:
			b := r.bases[0]
			r.bases = slices.Delete(r.bases, 0, 1)
			f.drop(b)
		case f.dropEnded():
		case !f.lose():
			return
		}
	}
}

// drop makes the tape of a job begin at a base.
func (f *Folder) drop(b base) {
	f.forget(func(p part) bool { return p.job == b.job && b.behind(p) })
	m := &f.manifest.Jobs[b.job]
	kept := m.Attempts[:0:0]
	for _, a := range m.Attempts {
		switch {
		case a.N < b.started.N:
			_ = f.disk.RemoveAll(path.Join(f.dir, checkpointDir(b.job, a.N)))
		case a.N == b.started.N && a.Base:
			_ = f.disk.RemoveAll(path.Join(f.dir, baseDir(b.job, a.N, a.Checkpoint)))
		case a.N == b.started.N:
			_ = f.disk.RemoveAll(path.Join(f.dir, checkpointDir(b.job, a.N)))
		default:
			kept = append(kept, a)
		}
		if a.Base && a.N < b.started.N {
			_ = f.disk.RemoveAll(path.Join(f.dir, baseDir(b.job, a.N, a.Checkpoint)))
		}
	}
	m.Attempts = append([]Attempt{b.started}, kept...)
	if f.ring != nil {
		f.ring.bytes -= f.begins[b.job].bytes // the one that the tape began at until now
	}
	f.begins[b.job] = b
	f.forgetOutput()
}

// forget removes parts.
func (f *Folder) forget(which func(p part) bool) {
	for _, p := range slices.SortedFunc(maps.Keys(f.logs), part.compare) {
		if which(p) {
			_ = f.logs[p].Close()
			_ = f.disk.Remove(path.Join(f.dir, "steps", p.file()+".log"))
			delete(f.logs, p)
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(f.rows), part.compare) {
		if which(p) {
			_ = f.rows[p].close()
			_ = f.disk.Remove(path.Join(f.dir, "inputs", p.file()+".rows"))
			delete(f.rows, p)
		}
	}
	if r := f.ring; r != nil {
		maps.DeleteFunc(r.parts, func(p part, n int64) bool {
			if which(p) {
				r.bytes -= n
				return true
			}
			return false
		})
	}
}

// lose forgets all of the job that takes most, up to where it stands.
func (f *Folder) lose() bool {
	r := f.ring
	sums := map[int]int64{}
	last := map[int]part{}
	for _, p := range slices.SortedFunc(maps.Keys(r.parts), part.compare) {
		sums[p.job] += r.parts[p]
		if l := last[p.job]; p.attempt > l.attempt || p.attempt == l.attempt && p.from > l.from {
			last[p.job] = part{job: p.job, attempt: p.attempt, from: p.from}
		}
	}
	for _, b := range r.bases {
		sums[b.job] += b.bytes
	}
	for _, b := range f.begins { //mink:det-ok sums
		sums[b.job] += b.bytes
	}
	job := -1
	for i := range f.manifest.Jobs {
		if n := sums[i]; n > 0 && (job < 0 || n > sums[job]) {
			job = i
		}
	}
	if job < 0 {
		return false
	}
	to := last[job]
	to.job = job
	f.forget(func(p part) bool { return p.job == job })
	for _, a := range f.manifest.Jobs[job].Attempts {
		_ = f.disk.RemoveAll(path.Join(f.dir, checkpointDir(job, a.N)))
	}
	_ = f.disk.RemoveAll(path.Join(f.dir, checkpointDir(job, to.attempt)))
	f.lostBases(job)
	f.manifest.Jobs[job].Attempts = nil
	r.lost[job] = to
	return true
}

// lostBases forgets those of a job.
func (f *Folder) lostBases(job int) {
	r := f.ring
	lose := func(b base) {
		r.bytes -= b.bytes
		_ = f.disk.RemoveAll(path.Join(f.dir, baseDir(job, b.started.N, b.started.Checkpoint)))
	}
	r.bases = slices.DeleteFunc(r.bases, func(b base) bool {
		if b.job == job {
			lose(b)
		}
		return b.job == job
	})
	if b, ok := f.begins[job]; ok {
		lose(b)
		delete(f.begins, job)
	}
}

// dropEnded forgets the oldest job that ended well: nobody will ask what it did.
func (f *Folder) dropEnded() bool {
	for i := range f.manifest.Jobs {
		j := &f.manifest.Jobs[i]
		if j.State != "FINISHED" || len(j.Attempts) == 0 {
			continue
		}
		f.forget(func(p part) bool { return p.job == i })
		for _, a := range j.Attempts {
			_ = f.disk.RemoveAll(path.Join(f.dir, checkpointDir(i, a.N)))
		}
		f.lostBases(i)
		j.Attempts = nil
		return true
	}
	return false
}

// wanted reports that somebody will have the tape.
func (f *Folder) wanted() bool {
	if f.ring == nil {
		return true
	}
	return f.ring.keep || slices.ContainsFunc(f.manifest.Jobs, func(j Job) bool { return j.Error != "" })
}

// KeepAlways says that a ring is wanted whether or not a job fails.
func (f *Folder) KeepAlways() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring != nil {
		f.ring.keep = true
	}
}

// Snapshot is Copy of a tape that is whole: its parts are Arrow files. It says on it that
// its jobs go on, unless the recording has ended.
func (f *Folder) Snapshot(disk env.Disk, dir string) error {
	f.mu.Lock()
	err := f.copy(disk, dir)
	c := &Folder{disk: disk, dir: dir, logs: map[part]env.File{}, rows: map[part]*rowFile{}, output: slices.Clone(f.output)}
	for p := range f.logs { //mink:det-ok into a map again
		c.logs[p] = nil
	}
	for p, r := range f.rows { //mink:det-ok into a map again
		c.rows[p] = &rowFile{s: r.s}
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	text, err := readFile(disk, path.Join(dir, manifestName))
	if err == nil {
		err = json.Unmarshal(text, &c.manifest)
	}
	if err != nil {
		return f.failed(err)
	}
	if c.manifest.Closed {
		return nil
	}
	c.manifest.Live = true
	return c.Close()
}

// Copy makes a tape in a folder of another disk of what there is now. The recording goes
// on.
func (f *Folder) Copy(disk env.Disk, dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.copy(disk, dir)
}

func (f *Folder) copy(disk env.Disk, dir string) error {
	err := disk.MkdirAll(dir)
	if err == nil {
		err = walk(f.disk, f.dir, "", func(part string) error {
			if part == manifestName {
				return nil
			}
			data, err := readFile(f.disk, path.Join(f.dir, part))
			if err == nil {
				err = disk.MkdirAll(path.Dir(path.Join(dir, part)))
			}
			if err == nil {
				err = writeFile(disk, path.Join(dir, part), data)
			}
			return err
		})
	}
	if err == nil {
		c := Folder{disk: disk, dir: dir, manifest: f.manifest}
		return c.save()
	}
	return f.failed(err)
}
