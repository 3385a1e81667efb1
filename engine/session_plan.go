package engine

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/ledger"
	"github.com/minkstream/mink/engine/optimize"
	"github.com/minkstream/mink/engine/plan"
)

// planBytesMax bounds what is read of a plan's file.
const planBytesMax = 64 << 20

// plans reports settings that decide how a statement is planned: a plan's file keeps
// them. The others are those of the session that executes it.
func plans(key string) bool {
	switch key {
	case "execution.runtime-mode", "mink.exec.fold", "mink.flink-version", "parallelism.default":
		return true
	case "table.dml-sync", "table.plan.force-recompile", "table.plan.compile.catalog-objects", "table.plan.restore.catalog-objects":
		return false
	}
	return strings.HasPrefix(key, "table.") && !strings.HasPrefix(key, "table.display.")
}

// compilePlan writes the plan of inserts to a file and, if asked to, runs it. A file
// that is there is left alone with IF NOT EXISTS, and replaced when the session says so.
func (s *Session) compilePlan(ctx context.Context, b *bind.Compile) (*Result, error) {
	file, disk, err := s.planFile(b.File, b.At)
	if err != nil {
		return nil, err
	}
	if _, err := disk.Stat(file); err == nil && !s.cat.Config.Bool("table.plan.force-recompile") {
		switch {
		case b.Run:
			return s.runPlan(ctx, &bind.RunPlan{File: b.File, At: b.At})
		case b.IfNotExists:
			return &Result{Zone: s.Zone()}, nil
		}
		return nil, diag.At(b.At, diag.AlreadyExists, "file '%s' is there already", b.File).
			WithHint("add IF NOT EXISTS, or SET 'table.plan.force-recompile' = 'true'")
	}
	c, _, err := s.compileAs(b.Texts, s.cat.Config.Enum("table.plan.compile.catalog-objects"))
	if err != nil {
		return nil, err
	}
	out, err := c.Encode()
	if err != nil {
		return nil, err
	}
	if err := writeWhole(disk, file, out); err != nil {
		return nil, diag.As(diag.Wrap(diag.IO, err, "cannot write the plan '%s'", b.File)).Or(b.At)
	}
	if b.Run {
		return s.runPlan(ctx, &bind.RunPlan{File: b.File, At: b.At})
	}
	return &Result{Zone: s.Zone()}, nil
}

// planFile is the place of a plan's file.
func (s *Session) planFile(name string, at diag.Span) (string, env.Disk, error) {
	deps := s.engine.host.Deps
	p := strings.TrimPrefix(strings.TrimPrefix(name, "file://"), "file:")
	if p == "" || strings.Contains(p, "://") {
		return "", nil, diag.At(at, diag.InvalidArgument, "a plan is kept in a file, and '%s' names none", name)
	}
	if deps.Dir != "" && !path.IsAbs(p) {
		p = path.Join(deps.Dir, p)
	}
	return path.Clean(p), deps.Env.Disk, nil
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(disk env.Disk, name string, text []byte) error {
	if err := disk.MkdirAll(path.Dir(name)); err != nil {
		return err
	}
	temp := path.Join(path.Dir(name), "."+path.Base(name)+".writing")
	f, err := disk.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = disk.Rename(temp, name)
	}
	if err != nil {
		_ = disk.Remove(temp)
		return err
	}
	return disk.SyncDir(path.Dir(name))
}

// compileAs plans statements and notes all that the plan was made of. keep says what of
// their objects, as the setting table.plan.compile.catalog-objects does.
func (s *Session) compileAs(texts []string, keep string) (*plan.Compiled, *plan.Physical, error) {
	var order []catalog.Object
	s.cat.Trace = func(o catalog.Object) { order = noted(order, o) }
	p, err := planOf(s, texts)
	s.cat.Trace = nil
	if err != nil {
		return nil, nil, err
	}
	return s.compiled(p, texts, order, keep), p, nil
}

// noted adds an object to those that a plan was made of. What several views read comes
// after all of them.
func noted(order []catalog.Object, o catalog.Object) []catalog.Object {
	order = slices.DeleteFunc(order, func(x catalog.Object) bool { return x.Space() == o.Space() && x.Where() == o.Where() })
	return append(order, o)
}

// compiled is the plan of statements with what it was made of; keep says how much of
// objects.
func (s *Session) compiled(p *plan.Physical, texts []string, order []catalog.Object, keep string) *plan.Compiled {
	c := plan.Compile(p, s.cat.Config.Get("mink.flink-version"), s.cat.Config.Get)
	c.Source.Catalog, c.Source.Database = s.cat.Current()
	c.Source.Statements = texts
	c.Source.WithoutCore = !s.cat.UsesCore()
	c.Source.Settings = map[string]string{}
	for _, kv := range s.cat.Config.All() {
		if plans(kv[0]) {
			c.Source.Settings[kv[0]] = kv[1]
		}
	}
	for _, o := range order {
		c.Source.Objects = append(c.Source.Objects, compiledObject(o, keep))
	}
	return c
}

// compiledObject keeps of an object what the session says: all, or for tables the
// schema or the name alone.
func compiledObject(o catalog.Object, keep string) plan.CompiledObject {
	w := o.Where()
	out := plan.CompiledObject{Space: int(o.Space()), Word: o.What(), Name: []string{w.Catalog, w.Database, w.Object}, DDL: o.DDL(), Complete: true}
	t, ok := o.(*catalog.Table)
	switch {
	case ok && (t.View || t.Materialized != nil):
		out.Scope = []string{t.Scope.Catalog, t.Scope.Database}
	case ok && keep == "SCHEMA":
		bare := *t
		bare.Options = nil
		out.DDL, out.Complete = bare.DDL(), false
	case ok && keep == "IDENTIFIER":
		out.DDL, out.Complete = "", false
	}
	return out
}

// planOf plans INSERT statements as one job.
func planOf(s *Session, texts []string) (*plan.Physical, error) {
	all := &bind.Inserts{}
	for _, t := range texts {
		b, err := s.bind(t)
		if err != nil {
			return nil, err
		}
		i, ok := b.(*bind.Insert)
		if !ok {
			return nil, diag.New(diag.InvalidQuery, "a plan is compiled of INSERT statements")
		}
		all.List = append(all.List, i)
	}
	opts := optimize.Options{ShowChanges: true, ClockStays: true}
	if len(all.List) == 1 {
		return optimize.PlanWith(all.List[0], s.cat, opts)
	}
	return optimize.PlanWith(all, s.cat, opts)
}

// runPlan runs a plan from its file.
func (s *Session) runPlan(ctx context.Context, b *bind.RunPlan) (*Result, error) {
	file, disk, err := s.planFile(b.File, b.At)
	if err != nil {
		return nil, err
	}
	text, err := readWhole(disk, file)
	if err != nil {
		return nil, diag.As(diag.Wrap(diag.IO, err, "cannot read the plan '%s'", b.File)).Or(b.At)
	}
	c, err := plan.Decode(text)
	if err != nil {
		return nil, diag.As(err).Or(b.At)
	}
	p, scratch, err := s.restore(c)
	if err != nil {
		return nil, notOf(err, b.At)
	}
	name := s.cat.Config.Get("pipeline.name")
	if name == "" {
		var sinks []string
		for _, r := range p.Roots {
			if k, ok := r.(*plan.Sink); ok {
				sinks = append(sinks, strings.ReplaceAll(k.Table.Path.String(), "`", ""))
			}
		}
		name = "insert-into_" + strings.Join(sinks, ",")
	}
	var j *job.Job
	if s.durable() {
		j, err = scratch.startKept(&kept{Job: ledger.Job{Plan: text}, plan: p}, name, scratch.cat.Config, scratch.Zone(), nil)
	} else {
		j, err = s.start(p, name, scratch.cat.Config, scratch.Zone(), job.Place{Parcel: scratch.packPlan(p, c)})
	}
	if err != nil {
		return nil, notOf(err, b.At)
	}
	s.jobs = append(s.jobs, j)
	if s.cat.Config.Bool("table.dml-sync") {
		if err := j.Wait(ctx); err != nil {
			return nil, err
		}
	}
	return &Result{Job: j, Zone: s.Zone(), Streaming: !p.Batch}, nil
}

func readWhole(disk env.Disk, name string) ([]byte, error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, planBytesMax+1))
	if err == nil && len(text) > planBytesMax {
		err = diag.New(diag.LimitExceeded, "it is longer than 64 MB")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return text, err
}

// restore makes the plan of a file again, in a session that has its settings and its
// objects and nothing else of this one's that decides about plans.
func (s *Session) restore(c *plan.Compiled) (*plan.Physical, *Session, error) {
	scratch, err := s.scratch(c)
	if err != nil {
		return nil, nil, err
	}
	p, err := planOf(scratch, c.Source.Statements)
	if err != nil {
		return nil, nil, err
	}
	return p, scratch, c.Adopt(p)
}

// scratch is a session with the settings and objects of a plan.
func (s *Session) scratch(c *plan.Compiled) (*Session, error) {
	scratch := &Session{engine: s.engine, cat: catalog.NewSession(s.engine.store, s.engine.host)}
	for _, kv := range s.cat.Config.All() {
		if !plans(kv[0]) {
			if _, err := scratch.cat.Config.Set(kv[0], kv[1]); err != nil {
				return nil, err
			}
		}
	}
	for k, v := range c.Source.Settings {
		if _, err := scratch.cat.Config.Set(k, v); err != nil {
			return nil, err
		}
	}
	// What a view names was found after it.
	for _, o := range slices.Backward(c.Source.Objects) {
		if err := s.restoreObject(scratch, o); err != nil {
			return nil, err
		}
	}
	if c.Source.WithoutCore {
		if err := scratch.cat.UseModules(nil); err != nil {
			return nil, err
		}
	}
	scratch.cat.Place(c.Source.Catalog, c.Source.Database)
	return scratch, nil
}

// restoreObject puts an object of a plan where the plan's names find it, before those
// of the catalog. What the file does not have of it, and with ALL the options of its
// table, comes from the catalog.
func (s *Session) restoreObject(in *Session, o plan.CompiledObject) error {
	scratch := in.cat
	if len(o.Name) != 3 {
		return diag.New(diag.InvalidQuery, "the compiled plan is damaged: an object has no name")
	}
	k, p := catalog.Kind(o.Space), catalog.Path{Catalog: o.Name[0], Database: o.Name[1], Object: o.Name[2]}
	mode := s.cat.Config.Enum("table.plan.restore.catalog-objects")
	if p.Database == "" && k == catalog.Functions {
		// A function of the system, which is in no catalog.
		b, err := in.bind(strings.Replace(o.DDL, "CREATE FUNCTION", "CREATE TEMPORARY SYSTEM FUNCTION", 1))
		if a, ok := b.(*bind.Action); ok && err == nil {
			_, err = a.Apply()
		}
		return err
	}
	live, err := s.cat.Find(k, p)
	if err != nil && mode != "ALL_ENFORCED" {
		return err
	}
	missing := func() error {
		return diag.New(diag.UnknownTable, "the compiled plan names %s %s, which is not in the catalog", o.Word, p).
			WithHint("create it, or compile the plan with 'table.plan.compile.catalog-objects' = 'ALL'")
	}
	switch mode {
	case "IDENTIFIER":
		if live == nil {
			return missing()
		}
		return scratch.Replace(live, true)
	case "ALL_ENFORCED":
		if !o.Complete {
			return diag.New(diag.InvalidQuery, "the compiled plan does not have all of %s %s", o.Word, p).
				WithHint("compile it with 'table.plan.compile.catalog-objects' = 'ALL'")
		}
		live = nil
	}
	if live == nil && !o.Complete {
		return missing()
	}
	if o.DDL == "" {
		return scratch.Replace(live, true)
	}
	d := &catalog.Definition{Kind: k, Path: p, Word: o.Word, Text: o.DDL}
	if len(o.Scope) == 2 {
		d.Scope = catalog.Path{Catalog: o.Scope[0], Database: o.Scope[1]}
	}
	made, err := scratch.Bind(d)
	if err != nil {
		return err
	}
	if t, ok := made.(*catalog.Table); ok && !t.View {
		if l, ok := live.(*catalog.Table); ok && !l.View {
			c := *t
			c.Options = connect.Options{}
			maps.Copy(c.Options, t.Options)
			maps.Copy(c.Options, l.Options)
			made = &c
		}
	}
	return scratch.Replace(made, true)
}
