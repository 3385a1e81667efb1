package engine

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/optimize"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// parcel is what a node process makes the graph of a job of: what COMPILE PLAN keeps of
// it, all settings of the session, and when the statement was given. Planning is a
// function of these, and the node compares the plan it comes to with the one that the
// coordinator has.
type parcel struct {
	Plan     *plan.Compiled
	Settings [][2]string
	At       int64
	Zone     string
	// Set: the statements are one job of several sinks.
	Set bool
	// Compiled: it was planned as COMPILE PLAN does.
	Compiled bool
}

// parcel makes one of the statement that p was planned of. It is nil where another
// process could not come to the same plan: where a statement reads what this session
// alone has, say, or the plan rests on statistics. Such a job runs in this process.
func (s *Session) parcel(p *plan.Physical, bound bind.Bound, text string) []byte {
	e := s.engine
	if !e.packs() || s.durable() && !p.Batch && len(s.insertTexts(bound, text)) > 0 {
		return nil // of a job that is remembered the compiled plan is run: startKept packs that
	}
	x, err := s.wrap(p, bound, text)
	return s.pack(p, x, err)
}

// wrap makes one without trying it.
func (s *Session) wrap(p *plan.Physical, bound bind.Bound, text string) (*parcel, error) {
	texts := []string{text}
	stmt, err := parse.Statement(text)
	if _, ok := stmt.(*ast.EndStatementSet); ok {
		if texts = s.setTexts; slices.Contains(texts, "") {
			err = diag.New(diag.Unsupported, "the statement set has other statements than INSERT")
		}
	}
	x := &parcel{Settings: s.cat.Config.All()}
	_, x.Set = bound.(*bind.Inserts)
	if err == nil {
		var order []catalog.Object
		s.cat.Trace = func(o catalog.Object) { order = noted(order, o) }
		_, err = planned(s, texts, x.Set)
		s.cat.Trace = nil
		x.Plan = s.compiled(p, texts, order, "ALL")
	}
	return x, err
}

// packs reports whether somebody has use for parcels.
func (e *Engine) packs() bool {
	return (e.cfg.Cluster != nil || e.cfg.Tapes != nil) && e.cfg.Replay == nil
}

// packPlan makes the parcel of a compiled plan.
func (s *Session) packPlan(p *plan.Physical, c *plan.Compiled) []byte {
	if !s.engine.packs() {
		return nil
	}
	return s.pack(p, &parcel{Plan: c, Settings: s.cat.Config.All(), Compiled: true}, nil)
}

// pack tries whether a node, which has an engine without objects, comes to the plan.
func (s *Session) pack(p *plan.Physical, x *parcel, err error) []byte {
	e := s.engine
	x.At, x.Zone = s.cat.At, e.cfg.Zone.String()
	var text []byte
	if err == nil {
		text, err = json.Marshal(x)
	}
	if err == nil {
		var back *plan.Physical
		if back, _, err = (&Engine{cfg: e.cfg, host: e.host, store: catalog.NewStore()}).unpack(text); err == nil {
			err = samePlan(back, fingerprint(p))
		}
	}
	if err != nil {
		if e.cfg.Log != nil && e.cfg.Cluster != nil {
			e.cfg.Log("a job runs in the coordinator's process, since nodes cannot make its plan: " + err.Error())
		}
		return nil
	}
	return text
}

// planned plans statements again as they were planned.
func planned(s *Session, texts []string, set bool) (*plan.Physical, error) {
	if !set {
		b, err := s.bind(texts[0])
		if err != nil {
			return nil, err
		}
		return optimize.Plan(b, s.cat)
	}
	all := &bind.Inserts{}
	for _, t := range texts {
		b, err := s.bind(t)
		if err != nil {
			return nil, err
		}
		switch b := b.(type) {
		case *bind.Insert:
			all.List = append(all.List, b)
		case *bind.Inserts:
			all.List = append(all.List, b.List...)
		default:
			return nil, diag.New(diag.InvalidQuery, "a statement set has INSERT statements")
		}
	}
	return optimize.Plan(all, s.cat)
}

// unpack makes the plan of a parcel and the session it belongs to.
func (e *Engine) unpack(text []byte) (*plan.Physical, *Session, error) {
	var x parcel
	if err := json.Unmarshal(text, &x); err != nil || x.Plan == nil {
		return nil, nil, diag.New(diag.Internal, "a job's parcel is damaged")
	}
	s := &Session{engine: e, cat: catalog.NewSession(e.store, e.host), aside: true}
	for _, kv := range x.Settings {
		if _, err := s.cat.Config.Set(kv[0], kv[1]); err != nil {
			return nil, nil, err
		}
	}
	s.cat.At = x.At
	scratch, err := s.scratch(x.Plan)
	if err != nil {
		return nil, nil, err
	}
	scratch.cat.At = x.At
	var p *plan.Physical
	if x.Compiled {
		p, err = planOf(scratch, x.Plan.Source.Statements)
	} else {
		p, err = planned(scratch, x.Plan.Source.Statements, x.Set)
	}
	if err != nil {
		return nil, nil, err
	}
	return p, scratch, x.Plan.Adopt(p)
}

// NodeGraph makes the graph of a job of another engine: what a node process of a cluster
// runs. Rows of a query go to the process that has the job. What user functions run in
// is kept until release is called.
func (e *Engine) NodeGraph(parcel []byte) (g *flow.Graph, release func(), err error) {
	var x struct{ Zone string }
	if err := json.Unmarshal(parcel, &x); err != nil {
		return nil, nil, diag.New(diag.Internal, "a job's parcel is damaged")
	}
	host := *e.host
	zone, ok := catalog.ParseZone(x.Zone)
	if !ok {
		zone = time.UTC
	}
	host.Zone = zone
	in := &Engine{cfg: e.cfg, host: &host, store: catalog.NewStore()}
	in.cfg.Zone, in.cfg.Durable = zone, nil
	done := e.use()
	p, s, err := in.unpack(parcel)
	if err == nil {
		var collect connect.Sink
		if _, ok := p.Roots[0].(*plan.Collect); ok && len(p.Roots) == 1 {
			collect = flow.Homeward()
		}
		if g, _, err = job.Build(p, s.cat.Config, s.Zone(), collect); err == nil {
			g.Disk = job.Stores(e.cfg.Stores, s.cat.Config)
		}
	}
	if err != nil {
		done(false)
		return nil, nil, err
	}
	return g, func() { done(true) }, nil
}
