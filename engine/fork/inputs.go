package fork

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// Inputs are what the sources of some tapes gave.
type Inputs struct {
	// Rows changes what a source of a table gives; nil leaves it.
	Rows func(table string, s types.Schema, b *batch.Batch) error
	// Change may put other rows into the place of those that a split gave, which are
	// numbered from first (0 is the first of all); nil leaves them.
	Change func(table, split string, first int64, s types.Schema, b *batch.Batch) error
	// Raise is a watermark, by table, that each split gives before its first row.
	Raise map[string]int64
	// Seed, if not 0, draws into batches of which sizes the rows are cut.
	Seed uint64

	files  []*trace.File
	tables map[string][][]*reading // by name, then by file
}

// reading is what one source of one job read of a table.
type reading struct {
	file     *trace.File
	job      int
	embedded bool
	splits   []*taped
	rows     int64
}

// taped is a split with its parts, one for each attempt that read of it.
type taped struct {
	id    string
	parts []part
	rows  int64
}

// part is what a task of an attempt read of a split.
type part struct {
	attempt int64
	task    int
	num     int           // of the split within the task
	from    connect.Split // where it began
	midway  bool          // the tape begins there, in the middle of a run
	polls   []poll        // of all splits of the task, as far as they count
}

// poll is one on the tape. now is its reading of the clock, if clock.
type poll struct {
	num, rows int
	now       int64
	clock     bool
}

// Open reads what there is on tapes.
func Open(files ...*trace.File) (*Inputs, error) {
	in := &Inputs{files: files, tables: map[string][][]*reading{}}
	for k, f := range files {
		for num := range f.Manifest.Jobs {
			j := &f.Manifest.Jobs[num]
			for n, s := range j.Sources {
				r, err := read(f, num, n, s)
				if err != nil {
					return nil, err
				}
				if s.Table == "" || len(r.splits) == 0 {
					continue
				}
				if in.tables[s.Table] == nil {
					in.tables[s.Table] = make([][]*reading, len(files))
				}
				in.tables[s.Table][k] = append(in.tables[s.Table][k], r)
			}
		}
	}
	return in, nil
}

// Tables are the names of the tables that were read, sorted.
func (in *Inputs) Tables() []string {
	var out []string
	for name := range in.tables {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// read gathers what a source of a job read. Rows that an attempt read behind the
// checkpoint that the next one began from were read again, and count once.
func read(f *trace.File, num, n int, s trace.Source) (*reading, error) {
	j := &f.Manifest.Jobs[num]
	r := &reading{file: f, job: num, embedded: j.Embedded || s.Once}
	byID := map[string]*taped{}
	for i, a := range j.Attempts {
		until := int64(-1) // the checkpoint that the next attempt began from
		if i+1 < len(j.Attempts) {
			if until = j.Attempts[i+1].Checkpoint; until == 0 {
				continue
			}
			if a.Base && until == a.Checkpoint {
				continue // the next one read all of it again
			}
		}
		if own := j.SourcesOf(&a); n < len(own) && own[n].Table == s.Table {
			s = own[n]
		}
		for sub, task := range s.Tasks {
			list, splits, err := polls(f, num, a, s, sub, task, until)
			if err != nil {
				return nil, err
			}
			for n, at := range splits {
				t := byID[at.ID]
				if t == nil {
					t = &taped{id: at.ID}
					byID[at.ID] = t
					r.splits = append(r.splits, t)
				}
				p := part{attempt: a.N, task: task, num: n, from: at, midway: a.Base, polls: list}
				t.parts = append(t.parts, p)
				for _, p := range list {
					if p.num == n {
						t.rows += int64(p.rows)
						r.rows += int64(p.rows)
					}
				}
			}
		}
	}
	slices.SortFunc(r.splits, func(a, b *taped) int { return strings.Compare(a.id, b.id) })
	return r, nil
}

// Edit lets the sources of a job give what is on the tapes. It fails with invalid-tape
// where a table or a column was not read when they were recorded.
func (in *Inputs) Edit(p *plan.Physical, g *flow.Graph) error {
	scans := map[string]*plan.Scan{}
	for _, root := range p.Roots {
		walk(root, func(n plan.Node) {
			if s, ok := n.(*plan.Scan); ok {
				scans[s.UID] = s
			}
		})
	}
	for _, v := range g.Vertices {
		if v.Source == nil || v.Source.Table == "" {
			continue
		}
		s := &source{Source: v.Source.Source, in: in, spec: *v.Source}
		var err error
		if s.from, err = in.find(v.Source, scans[v.UID]); err != nil {
			return err
		}
		spec := *v.Source
		spec.Source = s
		v.Source = &spec
	}
	return nil
}

func walk(n plan.Node, visit func(plan.Node)) {
	visit(n)
	for _, in := range n.Inputs() {
		walk(in, visit)
	}
}

// find is what each tape has of a table: of several readings the longest that has the
// columns.
func (in *Inputs) find(s *flow.SourceSpec, scan *plan.Scan) ([]*reading, error) {
	all := in.tables[s.Table]
	if all == nil {
		return nil, diag.At(s.Span, diag.InvalidTape, "nothing on the tape was read from %s", s.Table).
			WithHint("it has %s", strings.Join(in.Tables(), ", "))
	}
	var out []*reading
	for k, list := range all {
		var best *reading
		lacks := ""
		for _, r := range list {
			missing, err := r.lacks(s.Schema, scan)
			if err != nil {
				return nil, err
			}
			if missing != "" {
				lacks = missing
			} else if best == nil || r.rows > best.rows {
				best = r
			}
		}
		if best == nil && lacks != "" {
			return nil, diag.At(s.Span, diag.InvalidTape, "the tape %s does not have the column %s of %s", in.files[k].Name, lacks, s.Table).
				WithHint("the recorded job did not read it: record one that does")
		}
		if best != nil {
			out = append(out, best)
		}
	}
	return out, nil
}

// lacks is a column that a scan reads and the rows on the tape do not have, or "".
func (r *reading) lacks(s types.Schema, scan *plan.Scan) (string, error) {
	if !r.embedded {
		return "", nil
	}
	for _, t := range r.splits {
		for _, p := range t.parts {
			if t.rows == 0 {
				continue
			}
			rows, err := r.file.Rows(r.job, p.attempt, p.task, s)
			if err != nil {
				return "", err
			}
			for i := range s {
				if reads(scan, i) && !rows.Has(i) {
					return s[i].Name, nil
				}
			}
			return "", nil
		}
	}
	return "", nil
}

func reads(scan *plan.Scan, column int) bool {
	return scan == nil || scan.Projection == nil ||
		slices.ContainsFunc(scan.Projection, func(p connect.FieldPath) bool { return len(p) > 0 && p[0] == column })
}

// polls are those of a task until its source took its position for a checkpoint (-1:
// until the end), and its splits by their numbers, with where they began.
func polls(f *trace.File, num int, a trace.Attempt, s trace.Source, sub, task int, until int64) (list []poll, splits []connect.Split, err error) {
	for i, at := range a.Splits[s.Vertex] {
		if s.Ordered && sub == 0 || !s.Ordered && i%len(s.Tasks) == sub {
			splits = append(splits, connect.Split{ID: at.ID, Pos: at.Pos})
		}
	}
	steps, err := f.Steps(num, a.N, task)
	if err != nil {
		return nil, nil, err
	}
	for i := range steps {
		k := flow.Taken(&steps[i])
		if k.Checkpoint == until {
			break
		}
		for _, at := range k.Splits {
			if !slices.ContainsFunc(splits, func(x connect.Split) bool { return x.ID == at.ID }) {
				splits = append(splits, at)
			}
		}
		if p := steps[i].Poll; p != nil {
			list = append(list, poll{p.Split, p.Rows, steps[i].Now, steps[i].Clock})
		}
	}
	return list, splits, nil
}
