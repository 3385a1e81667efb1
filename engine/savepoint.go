package engine

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// A savepoint has, beside what a job's operators keep, the script of the job, and so has a
// folder of checkpoints: bytes of
// state mean nothing without the operators that wrote them. Whoever reads one with SQL
// plans the script aside, opens the operator over its state, and takes the tables that
// the debugger shows.

// scripted is what a savepoint keeps of how its job was made, worked out when one is
// written: the script of a tape, without its secrets. text is the job's parcel.
func (e *Engine) scripted(p *plan.Physical, text []byte) func() []byte {
	if text == nil {
		return nil
	}
	return func() []byte {
		var x parcel
		m, err := trace.Manifest{}, json.Unmarshal(text, &x)
		if err == nil {
			m, err = e.scriptOf(&x, p)
		}
		var out []byte
		if err == nil {
			out, err = json.Marshal(m)
		}
		if err != nil {
			if e.cfg.Log != nil {
				e.cfg.Log("the state of a savepoint cannot be read with SQL, since the job's script cannot be written: " + err.Error())
			}
			return nil
		}
		return out
	}
}

// scriptText is a parcel of a job that runs in this process alone, for scripted; nil where
// the job needs none or has none. What is planned here is not tried before it is used.
func (s *Session) scriptText(p *plan.Physical, bound bind.Bound, text string) []byte {
	switch bound.(type) {
	case *bind.Insert, *bind.Inserts:
	default:
		return nil
	}
	e := s.engine
	if p.Batch || e.cfg.Replay != nil || s.aside || e.packs() {
		return nil
	}
	x, err := s.wrap(p, bound, text)
	if err != nil {
		return nil
	}
	x.At, x.Zone = s.cat.At, e.cfg.Zone.String()
	out, err := json.Marshal(x)
	if err != nil {
		return nil
	}
	return out
}

// savedJob is a snapshot that is looked at. plan, graph and operators are nil where it has
// no script.
type savedJob struct {
	e     *Engine
	path  string
	snap  *flow.Snapshot
	saved []flow.SnapshotOperator
	plan  *plan.Physical
	graph *flow.Graph
}

// savedDisk is the disk that statements may use, with object stores as the session's
// settings are now: it is called while a table is planned.
func (e *Engine) savedDisk(t *connect.Table) env.Disk {
	disk := e.host.Deps.Env.Disk
	if e.cfg.Stores == nil || t.Setting == nil {
		return job.Stores(nil, nil)(disk)
	}
	now := map[string]string{}
	for _, k := range catalog.Keys() {
		if strings.HasPrefix(k.Name, "s3.") {
			now[k.Name] = t.Setting(k.Name)
		}
	}
	return e.cfg.Stores(disk, func(key string) string { return now[key] })
}

// openSaved opens what is at a path.
func (e *Engine) openSaved(disk env.Disk, path string) (*savedJob, error) {
	snap, err := flow.OpenSnapshot(disk, strings.TrimPrefix(path, "file://"))
	if err != nil {
		return nil, err
	}
	j := &savedJob{e: e, path: path, snap: snap}
	if j.saved, err = snap.Operators(); err != nil {
		return nil, err
	}
	text, err := snap.Script()
	if err != nil || text == nil {
		return j, err
	}
	var m trace.Manifest
	if err := json.Unmarshal(text, &m); err != nil || len(m.Statements) == 0 || len(m.Jobs) != 1 {
		return nil, diag.New(diag.Checkpoint, "the script of the job in %s is damaged", path)
	}
	host := *e.host
	if zone, ok := catalog.ParseZone(m.Zone); ok {
		host.Zone = zone
	}
	p, s, err := (&Engine{cfg: e.cfg, host: &host}).planScript(&m)
	if err != nil {
		return nil, diag.Wrap(diag.Checkpoint, err, "the job of %s cannot be planned", path)
	}
	if err := samePlan(p, m.Jobs[0].Plan); err != nil {
		return nil, diag.New(diag.Checkpoint, "this mink plans the job of %s otherwise than the one that wrote it", path).
			WithHint("read it with the mink that wrote it")
	}
	var collect connect.Sink
	if _, ok := p.Roots[0].(*plan.Collect); ok {
		collect = flow.Homeward()
	}
	j.plan = p
	j.graph, _, err = job.Build(p, s.cat.Config, s.Zone(), collect)
	return j, err
}

// name of an operator: that of EXPLAIN with the node's number, "" where it is not known.
func (j *savedJob) name(uid string) string {
	if n := j.node(uid); n != nil {
		return n.Name() + "[" + strconv.Itoa(n.Info().ID) + "]"
	}
	return ""
}

func (j *savedJob) node(uid string) plan.Node {
	if j.plan == nil {
		return nil
	}
	for _, n := range j.plan.Nodes {
		switch n.(type) {
		case *plan.Exchange, *plan.Union:
		default:
			if n.Info().UID == uid {
				return n
			}
		}
	}
	return nil
}

// operator finds one by its UID, or by its name with or without the number.
func (j *savedJob) operator(name string) (*flow.SnapshotOperator, error) {
	var hits []*flow.SnapshotOperator
	var all, near []string
	for i := range j.saved {
		o := &j.saved[i]
		full := j.name(o.UID)
		short, _, _ := strings.Cut(full, "[")
		if name == o.UID || strings.EqualFold(name, full) {
			return o, nil
		}
		if short != "" && plan.Called(short, name) {
			hits = append(hits, o)
		}
		if len(o.Structures) > 0 {
			all = append(all, o.UID)
			if full != "" {
				all, near = append(all, full), append(near, short, full)
			}
		}
	}
	if len(hits) == 1 {
		return hits[0], nil
	}
	e := diag.New(diag.NotFound, "%s has no operator '%s'", j.path, name)
	if len(hits) > 1 {
		e = diag.New(diag.NotFound, "'%s' may be several operators of %s", name, j.path)
	} else if g := diag.Suggest(name, append(near, all...)); g != "" {
		return nil, e.WithHint("did you mean '%s'", g)
	}
	return nil, e.WithHint("operators with keyed state are: %s", strings.Join(all, ", "))
}

// savedTable is a structure of an operator as a table.
type savedTable struct {
	name, kind string
	columns    types.Schema
}

// tables are those of an operator.
func (j *savedJob) tables(o *flow.SnapshotOperator) ([]savedTable, error) {
	if len(o.Structures) == 0 {
		return nil, nil
	}
	if j.graph == nil {
		return nil, diag.New(diag.Checkpoint, "%s does not say how its job was made, so what its state means is not known", j.path).
			WithHint("savepoints and checkpoints of INSERT jobs that stream say so, but for those of an older mink: take a savepoint of the job, STOP JOB '...' WITH SAVEPOINT or mink jobs savepoint")
	}
	var out []savedTable
	err := j.look(o.UID, 0, false, func(x *exec.StateTable, names []string) {
		t := savedTable{name: x.Short, kind: x.Kind}
		for i, n := range names {
			t.columns = append(t.columns, types.Field{Name: n, Type: x.Types[i].Plain()})
		}
		if len(t.columns) > 0 {
			out = append(out, t)
		}
	})
	return out, err
}

// look shows the structures of a subtask, with their rows if full.
func (j *savedJob) look(uid string, sub int, full bool, visit func(x *exec.StateTable, names []string)) error {
	n := j.node(uid)
	if n == nil {
		return diag.New(diag.Unsupported, "the operator %s is no node of the job's plan: its state is not shown", uid)
	}
	var inputs []types.Schema
	for _, in := range n.Inputs() {
		inputs = append(inputs, in.Info().Schema)
	}
	done := j.e.use()
	defer done(false)
	return j.snap.Look(j.e.cfg.Env, j.graph, uid, sub, full, func(op exec.Operator, c *exec.Ctx) error {
		list := exec.LookState(op, c, math.MaxInt)
		for i := range list {
			visit(&list[i], list[i].Names(inputs, n.Info().Schema))
		}
		return nil
	})
}

// ddl is the statement that makes a table of a structure.
func (j *savedJob) ddl(o *flow.SnapshotOperator, t *savedTable) string {
	var b strings.Builder
	name := strings.NewReplacer("[", "_", "]", "").Replace(j.name(o.UID)) + "_" + t.name
	b.WriteString("CREATE TABLE " + catalog.Quote(name) + " (\n")
	for i, f := range t.columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("  " + catalog.Quote(f.Name) + " " + f.Type.String())
	}
	text := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	b.WriteString("\n) WITH (\n  'connector' = 'savepoint',\n  'state.path' = " + text(j.path) + ",\n  'operator.uid' = " + text(o.UID) + ",\n  'state.name' = " + text(t.name) + "\n)")
	return b.String()
}

var (
	statePath   = connect.Option{Key: "state.path", Type: connect.String, Required: true, Doc: "Folder of the savepoint or checkpoint, s3://... included."}
	operatorUID = connect.Option{Key: "operator.uid", Type: connect.String, Required: true, Doc: "UID of the operator, or its name in EXPLAIN, such as GroupAggregate[5]."}
	stateName   = connect.Option{Key: "state.name", Type: connect.String, Doc: "Which of the operator's tables of state; left out where it has one."}
)

// SavepointConnector reads the state of an operator in a savepoint. Engines have it
// without being given it; engine may be nil for one that only says what it is.
func SavepointConnector(e *Engine) *connect.Connector {
	return &connect.Connector{
		Name:    "savepoint",
		Summary: "The keyed state of an operator in a savepoint or checkpoint, bounded: each row is an entry. savepoint_tables('path') has the CREATE TABLE of each.",
		Options: []connect.Option{statePath, operatorUID, stateName},
		Source: func(t *connect.Table) (connect.Source, error) {
			disk := e.savedDisk(t)
			return &savedSource{
				columns: t.Schema,
				count: func() (int, error) {
					j, o, _, err := e.savedState(disk, t)
					if err != nil {
						return 0, err
					}
					return max(1, j.graph.Subtasks(o.UID)), nil
				},
				read: func(sub int) (*batch.Batch, error) { return e.readState(disk, t, sub) },
			}, nil
		},
	}
}

// savedState finds what a table reads, and checks that it has the table's columns.
func (e *Engine) savedState(disk env.Disk, t *connect.Table) (*savedJob, *flow.SnapshotOperator, *savedTable, error) {
	j, err := e.openSaved(disk, t.Options[statePath.Key])
	if err != nil {
		return nil, nil, nil, err
	}
	o, err := j.operator(t.Options["operator.uid"])
	if err != nil {
		return nil, nil, nil, err
	}
	list, err := j.tables(o)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(list) == 0 {
		return nil, nil, nil, diag.New(diag.NotFound, "operator %s has no keyed state in %s", o.UID, j.path)
	}
	var names []string
	var found *savedTable
	want := t.Options["state.name"]
	for i := range list {
		names = append(names, list[i].name)
		if list[i].name == want || want == "" && len(list) == 1 {
			found = &list[i]
		}
	}
	if found == nil {
		what := "has no table of state '" + want + "'"
		if want == "" {
			what = "has several tables of state, and 'state.name' does not say which"
		}
		return nil, nil, nil, diag.New(diag.NotFound, "operator %s %s", o.UID, what).WithHint("they are: %s", strings.Join(names, ", "))
	}
	for _, f := range t.Schema {
		if _, err := found.column(f); err != nil {
			return nil, nil, nil, err
		}
	}
	return j, o, found, nil
}

// column finds a declared column.
func (t *savedTable) column(f types.Field) (int, error) {
	var names []string
	for i, c := range t.columns {
		if c.Name != f.Name {
			names = append(names, c.Name)
			continue
		}
		is, want := c.Type, f.Type.Plain()
		if is.Nullable(true).String() != want.Nullable(true).String() || want.NotNull && !is.NotNull {
			return 0, diag.New(diag.TypeMismatch, "column %s of the state '%s' is %s, and the table says %s", f.Name, t.name, is, want)
		}
		return i, nil
	}
	e := diag.New(diag.UnknownColumn, "the state '%s' has no column %s", t.name, f.Name)
	if g := diag.Suggest(f.Name, names); g != "" {
		return 0, e.WithHint("did you mean %s", g)
	}
	return 0, e.WithHint("its columns are: %s", strings.Join(names, ", "))
}

// readState reads the columns of a table out of one subtask.
func (e *Engine) readState(disk env.Disk, t *connect.Table, sub int) (*batch.Batch, error) {
	j, o, s, err := e.savedState(disk, t)
	if err != nil {
		return nil, err
	}
	out := &batch.Batch{}
	err = j.look(o.UID, sub, true, func(x *exec.StateTable, _ []string) {
		if x.Short != s.name {
			return
		}
		out.N = x.Rows.N
		for _, f := range t.Schema {
			i, _ := s.column(f) // savedState has found it
			out.Cols = append(out.Cols, x.Rows.Cols[i])
		}
	})
	return out, err
}

// metadataColumns are Flink's of savepoint_metadata.
var metadataColumns = types.Schema{
	{Name: "checkpoint-id", Type: types.BigIntT.Nullable(false)},
	{Name: "operator-name", Type: types.StringT},
	{Name: "operator-uid", Type: types.StringT},
	{Name: "operator-uid-hash", Type: types.StringT.Nullable(false)},
	{Name: "operator-parallelism", Type: types.IntT.Nullable(false)},
	{Name: "operator-max-parallelism", Type: types.IntT.Nullable(false)},
	{Name: "operator-subtask-state-count", Type: types.IntT.Nullable(false)},
	{Name: "operator-coordinator-state-size-in-bytes", Type: types.BigIntT.Nullable(false)},
	{Name: "operator-total-size-in-bytes", Type: types.BigIntT.Nullable(false)},
}

func (j *savedJob) metadata(cols []*batch.Builder) error {
	for _, o := range j.saved {
		cols[0].AppendInt(j.snap.Number())
		if name := j.name(o.UID); name != "" {
			cols[1].AppendBytes([]byte(name))
		} else {
			cols[1].AppendNull()
		}
		cols[2].AppendBytes([]byte(o.UID))
		cols[3].AppendBytes(fmt.Appendf(nil, "%016x", batch.HashBytes([]byte(o.UID))))
		cols[4].AppendInt(int64(o.Parallelism))
		cols[5].AppendInt(int64(j.snap.MaxParallelism()))
		cols[6].AppendInt(int64(o.Subtasks))
		cols[7].AppendInt(0) // coordinators of operators there are none
		cols[8].AppendInt(o.Bytes)
	}
	return nil
}

var tablesColumns = types.Schema{
	{Name: "operator-name", Type: types.StringT.Nullable(false)},
	{Name: "operator-uid", Type: types.StringT.Nullable(false)},
	{Name: "state-name", Type: types.StringT.Nullable(false)},
	{Name: "state-kind", Type: types.StringT.Nullable(false)},
	{Name: "create-table", Type: types.StringT.Nullable(false)},
}

func (j *savedJob) stateTables(cols []*batch.Builder) error {
	for i := range j.saved {
		o := &j.saved[i]
		if j.graph != nil && j.node(o.UID) == nil {
			continue // guards of sinks
		}
		list, err := j.tables(o)
		if err != nil {
			return err
		}
		for k := range list {
			for c, s := range []string{j.name(o.UID), o.UID, list[k].name, list[k].kind, j.ddl(o, &list[k])} {
				cols[c].AppendBytes([]byte(s))
			}
		}
	}
	return nil
}

// pathTables are functions that give a table for the path of a savepoint.
func (e *Engine) pathTables() map[string]*catalog.PathTable {
	out := map[string]*catalog.PathTable{}
	add := func(name, summary string, columns types.Schema, fill func(j *savedJob, cols []*batch.Builder) error) {
		p := &catalog.PathTable{Option: statePath.Key}
		for _, f := range columns {
			p.Columns = append(p.Columns, catalog.Column{Name: f.Name, Type: f.Type})
		}
		p.Connector = &connect.Connector{
			Name: name, Summary: summary, Options: []connect.Option{statePath},
			Source: func(t *connect.Table) (connect.Source, error) {
				disk := e.savedDisk(t)
				return &savedSource{
					columns: columns,
					count:   func() (int, error) { return 1, nil },
					read: func(int) (*batch.Batch, error) {
						j, err := e.openSaved(disk, t.Options[statePath.Key])
						if err != nil {
							return nil, err
						}
						cols := make([]*batch.Builder, len(columns))
						for i, f := range columns {
							cols[i] = batch.NewBuilder(f.Type)
						}
						if err := fill(j, cols); err != nil {
							return nil, err
						}
						b := &batch.Batch{N: cols[0].Len()}
						for _, c := range cols {
							b.Cols = append(b.Cols, c.Finish())
						}
						return b, nil
					},
				}, nil
			},
		}
		out[name] = p
	}
	add("savepoint_metadata", "The operators of a savepoint or checkpoint.", metadataColumns, (*savedJob).metadata)
	add("savepoint_tables", "The tables of state in a savepoint or checkpoint, each with the statement that makes it.", tablesColumns, (*savedJob).stateTables)
	return out
}

// savedSource reads tables that are made whole, one a split.
type savedSource struct {
	columns types.Schema
	count   func() (int, error)
	read    func(split int) (*batch.Batch, error)
}

func (*savedSource) Changes() connect.Changes                   { return connect.AppendOnly }
func (*savedSource) Bounded() bool                              { return true }
func (*savedSource) Project(connect.Projection)                 {}
func (*savedSource) Discover([]string) ([]connect.Split, error) { return nil, nil }
func (*savedSource) DiscoverInterval() time.Duration            { return 0 }

func (x *savedSource) Splits(int) ([]connect.Split, error) {
	n, err := x.count()
	if err != nil {
		return nil, lasting(err)
	}
	out := make([]connect.Split, n)
	for i := range out {
		out[i].ID = fmt.Sprintf("%05d", i)
	}
	return out, nil
}

func (x *savedSource) Open(at connect.Split, _ connect.ReaderCtx) (connect.Reader, error) {
	r := &savedReader{x: x, split: at.ID}
	sub, err := strconv.Atoi(at.ID)
	if len(at.Pos) > 0 {
		n, k := binary.Uvarint(at.Pos)
		if r.next = int(n); k <= 0 {
			err = diag.New(diag.Checkpoint, "the position in a savepoint is damaged")
		}
	}
	if err == nil {
		r.all, err = x.read(sub)
	}
	return r, lasting(err)
}

// lasting marks what a restart does not mend: a savepoint does not change, so what is missing
// in it, damaged, or refused stays so. What lies in reaching it may pass.
func lasting(err error) error {
	e := diag.As(err)
	if e == nil {
		return err
	}
	leaf := error(e)
	for next := errors.Unwrap(leaf); next != nil; next = errors.Unwrap(leaf) {
		leaf = next
	}
	x, ours := leaf.(*diag.Error)
	e.Final = ours && x.Code != diag.IO || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	return err
}

type savedReader struct {
	x     *savedSource
	split string
	next  int
	all   *batch.Batch
}

func (r *savedReader) Poll(dst *batch.Batch, limit int) (connect.Status, error) {
	n := min(limit, r.all.N-r.next)
	if n <= 0 {
		return connect.End, nil
	}
	lanes := make([]uint32, n)
	for i := range lanes {
		lanes[i] = uint32(r.next + i)
	}
	dst.Alloc(r.x.columns.Types(), 0)
	for i := range dst.Cols {
		dst.Cols[i].AppendIndex(0, &r.all.Cols[i], lanes, n)
	}
	dst.N = n
	r.next += n
	return connect.More, nil
}

func (*savedReader) NextAt() int64 { return 0 }
func (*savedReader) Close() error  { return nil }

func (r *savedReader) Position() connect.Split {
	return connect.Split{ID: r.split, Pos: binary.AppendUvarint(nil, uint64(r.next))}
}
