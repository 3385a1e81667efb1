// Package optimize turns a bound query into a plan that can run.
//
// It works in three steps. Rules rewrite the tree (rules.go lists them in order, a
// file each). Then each node becomes an operator (phys_*.go): joins and rankings
// find their form, exchanges are placed where rows are not dealt right already, and
// equal parts become one. In the end changelog modes are worked out from the sinks
// down (changelog.go), and every node gets its id, labels and fold mode.
//
// The same statement, catalog and configuration give the same plan, byte for byte.
// Begin with Plan, then rules.go, then phys.go.
package optimize

import (
	"strings"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// Options are what a caller knows beyond the session.
type Options struct {
	// ClockStays: functions of the clock are not computed in batch, for plans that are
	// kept and run later.
	ClockStays bool
	// ShowChanges says that the rows of a query are shown change by change
	// (--output changelog or json), so operators must not fold them.
	ShowChanges bool
	// Strict refuses plans whose answer is not safe under updates.
	Strict bool
}

// Plan plans a *bind.Query, *bind.Insert or *bind.Inserts.
func Plan(b bind.Bound, s *catalog.Session) (*plan.Physical, error) {
	return PlanWith(b, s, Options{ShowChanges: true})
}

// PlanWith is Plan with options.
func PlanWith(b bind.Bound, s *catalog.Session, opts Options) (*plan.Physical, error) {
	if err := checkMiniBatch(s.Config); err != nil {
		return nil, err
	}
	o := newOptimizer(s, opts)
	p := &plan.Physical{Batch: o.batch, Parallelism: o.parallelism()}
	switch b := b.(type) {
	case *bind.Query:
		p.Logical = logical.String(b.Root)
		n, err := o.query(b)
		if err != nil {
			return nil, err
		}
		p.Roots = append(p.Roots, n)
	case *bind.Insert:
		return o.inserts(p, []*bind.Insert{b})
	case *bind.Inserts:
		return o.inserts(p, b.List)
	case *bind.Explain:
		return PlanWith(b.Of, s, opts)
	default:
		return nil, diag.New(diag.Internal, "a statement of this kind has no plan")
	}
	return o.finish(p)
}

// inserts plans inserts that are one job.
func (o *optimizer) inserts(p *plan.Physical, list []*bind.Insert) (*plan.Physical, error) {
	sinks := make([]*opened, len(list))
	o.twoPhase = true
	for k, i := range list {
		t, err := o.open(i)
		if err != nil {
			return nil, err
		}
		// An aggregate that several inserts share is computed in one way.
		sinks[k], o.fold = t, t.fold
		o.twoPhase = o.twoPhase && o.phases()
	}
	var text []string
	for k, i := range list {
		text = append(text, sinkText(i)+indent(logical.String(i.Root)))
		n, err := o.insert(sinks[k])
		if err != nil {
			return nil, err
		}
		p.Roots = append(p.Roots, n)
	}
	p.Logical = strings.Join(text, "\n")
	return o.finish(p)
}

func sinkText(i *bind.Insert) string {
	p := i.Table.Path
	return "LogicalSink(table=[" + p.Catalog + "." + p.Database + "." + p.Object + "], fields=[" +
		strings.Join(i.Root.Schema().Names(), ", ") + "])\n"
}

func indent(s string) string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i := range lines {
		if i == 0 {
			lines[i] = "+- " + lines[i]
		} else {
			lines[i] = "   " + lines[i]
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// optimizer plans one statement.
type optimizer struct {
	s     *catalog.Session
	opts  Options
	batch bool
	ttl   int64
	// fold says that the root being planned keeps a final table, so changes within a
	// step may be folded.
	fold bool
	// twoPhase tells whether aggregates get a local phase where it can pay.
	twoPhase bool
	// made are the nodes by what they are, so that equal ones are shared.
	made  map[string]plan.Node
	ids   map[plan.Node]int
	scans map[string]*plan.Scan
	// target is the scan of the rows that an UPDATE or DELETE replaces.
	target *plan.Scan
	// upsertScan are projections of upsert sources that can be normalised, with their
	// key.
	upsertScan map[plan.Node][]int
	// ptfs are the calls of process table functions over partitions, by uid.
	ptfs map[string]plan.Node
	// normalizedAs are the ChangelogNormalize nodes that stand above such sources.
	normalizedAs map[plan.Node]plan.Node
	warnings     []*diag.Error
}

func newOptimizer(s *catalog.Session, opts Options) *optimizer {
	c := s.Config
	return &optimizer{
		s: s, opts: opts, batch: c.Batch(), ttl: c.Duration("table.exec.state.ttl").Milliseconds(),
		made: map[string]plan.Node{}, ids: map[plan.Node]int{}, scans: map[string]*plan.Scan{}, upsertScan: map[plan.Node][]int{}, normalizedAs: map[plan.Node]plan.Node{},
	}
}

// unsupported is a feature of Flink's that mink cannot plan.
func unsupported(at diag.Span, format string, args ...any) *diag.Error {
	return diag.At(at, diag.Unsupported, format+" not supported yet", args...)
}

// aggregate makes a call of an aggregate over arguments.
func (o *optimizer) aggregate(name string, args []expr.Node, at diag.Span) (plan.AggCall, []expr.Node, error) {
	return bind.AggregateCall(name, args, at)
}

// query plans a query whose rows go to the client.
func (o *optimizer) query(q *bind.Query) (plan.Node, error) {
	o.fold = o.folds(!o.opts.ShowChanges)
	o.twoPhase = o.phases()
	in, err := o.plan(q.Root)
	if err != nil {
		return nil, err
	}
	n := &plan.Collect{}
	n.In = o.exchange(in, nil)
	n.Schema = plain(n.In.Info().Schema)
	n.Span = q.At
	n.Exact = !o.fold
	n.UpsertKey = shortest(n.In.Info().UpsertKeys)
	return o.intern(n), nil
}

// folds decides whether changes are folded, given what the sinks would allow.
func (o *optimizer) folds(allowed bool) bool {
	switch o.s.Config.Enum("mink.exec.fold") {
	case "ROW":
		return false
	case "BATCH":
		return true
	}
	return allowed || o.batch
}

// phases decides whether aggregates get a local phase where it can pay. The parallelism
// must not matter, so that a job which goes on with another one finds its operators. In
// Flink AUTO goes by mini-batch alone, and that is what folding a batch amounts to.
func (o *optimizer) phases() bool {
	return (o.fold || o.bundles()) && o.s.Config.Enum("table.optimizer.agg-phase-strategy") != "ONE_PHASE"
}

// plan rewrites a tree and chooses its operators.
func (o *optimizer) plan(n logical.Node) (plan.Node, error) {
	n, err := o.rewrite(n)
	if err != nil {
		return nil, err
	}
	return o.conv(n)
}

func (o *optimizer) parallelism() int {
	if p := o.s.Config.Int("table.exec.resource.default-parallelism"); p > 0 {
		return p
	}
	return max(1, o.s.Config.Int("parallelism.default"))
}

// showsChanges reports that a table's connector or format writes changes down one
// by one, so that folding them would be seen.
func showsChanges(t *catalog.Table, wants connect.Changes) bool {
	if discards(t) {
		return false
	}
	if t.Options["connector"] == "print" {
		return true
	}
	for _, k := range []string{"format", "value.format"} {
		switch t.Options[k] {
		case "changelog-json", "debezium-json", "canal-json", "maxwell-json", "ogg-json":
			return true
		}
	}
	return wants&connect.HasUpdateBefore != 0
}
