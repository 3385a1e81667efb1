package build

import (
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// operator maps a plan node to the maker of its operator. Long because every kind
// of node is listed once.
func (b *builder) operator(n plan.Node) (op func() exec.Operator, ttl int64, err error) {
	switch n := n.(type) {
	case *plan.Calc:
		return b.calc(n)
	case *plan.GroupAggregate:
		return b.groupAggregate(n)
	case *plan.LocalGroupAggregate:
		return b.localAggregate(n)
	case *plan.WindowTVF:
		return b.windowTVF(n)
	case *plan.WindowAggregate:
		return b.windowAggregate(n)
	case *plan.GroupWindowAggregate:
		return b.groupWindow(n)
	case *plan.Correlate:
		return b.correlate(n)
	case *plan.Predict:
		return b.predict(n)
	case *plan.ToChangelog:
		return b.toChangelog(n)
	case *plan.FromChangelog:
		return b.fromChangelog(n)
	case *plan.Process:
		return b.process(n)
	case *plan.OverAggregate:
		return b.over(n)
	case *plan.Expand:
		k := len(n.Pass)
		cfg := exec.ExpandConfig{
			Pass: n.Pass, Keys: n.Keys, Sets: n.Sets, Numbers: n.Numbers, KeyTypes: n.Schema.Types()[k : k+len(n.Keys)],
		}
		return func() exec.Operator { return exec.NewExpand(cfg) }, 0, nil
	case *plan.Match:
		return b.match(n)
	case *plan.Join:
		return b.join(n)
	case *plan.MultiJoin:
		return b.multiJoin(n)
	case *plan.IntervalJoin:
		return b.intervalJoin(n)
	case *plan.WindowJoin:
		return b.windowJoin(n)
	case *plan.LookupJoin:
		return b.lookupJoin(n)
	case *plan.SnapshotJoin:
		return b.snapshotJoin(n)
	case *plan.TemporalJoin:
		return b.temporalJoin(n)
	case *plan.Rank:
		return b.rank(n)
	case *plan.Deduplicate:
		cfg := exec.DedupConfig{
			Input: inputTypes(n.In), Keys: n.Keys, KeepLast: n.KeepLast, TimeCol: -1,
			EmitUpdateBefore: n.EmitUpdateBefore(), AnyKind: n.AnyKind, TTL: n.TTL,
		}
		if n.Rowtime {
			cfg.TimeCol = n.TimeCol
		}
		return func() exec.Operator { return exec.NewDeduplicate(cfg) }, n.TTL, nil
	case *plan.WindowTopN:
		return b.windowTopN(n)
	case *plan.WindowDedup:
		return b.windowDedup(n)
	case *plan.SortLimit:
		return b.sortLimit(n)
	case *plan.Limit:
		return b.limit(n)
	case *plan.TemporalSort:
		if n.Partitioned {
			in, by := inputTypes(n.In), orderKeys(n.OrderBy)
			return func() exec.Operator { return exec.NewPartitionSort(in, n.Keys, by) }, 0, nil
		}
		cfg := exec.SortConfig{Input: inputTypes(n.In), OrderBy: orderKeys(n.OrderBy), TimeCol: -1}
		if n.Rowtime {
			cfg.TimeCol = n.OrderBy[0].Col
		}
		return func() exec.Operator { return exec.NewTemporalSort(cfg) }, 0, nil
	case *plan.Sort:
		cfg := exec.SortConfig{Input: inputTypes(n.In), OrderBy: orderKeys(n.OrderBy), Offset: n.Offset, Fetch: n.Fetch}
		return func() exec.Operator { return exec.NewSort(cfg) }, 0, nil
	case *plan.ChangelogNormalize:
		cfg := exec.NormalizeConfig{Input: inputTypes(n.In), Keys: n.Keys, EmitUpdateBefore: n.EmitUpdateBefore(), TTL: n.TTL}
		return func() exec.Operator { return exec.NewChangelogNormalize(cfg) }, n.TTL, nil
	case *plan.DropUpdateBefore:
		return func() exec.Operator { return exec.NewDropUpdateBefore(false) }, 0, nil
	case *plan.SinkMaterializer:
		if n.Conflict != "" {
			return b.conflict(n)
		}
		cfg := exec.MaterializeConfig{Input: inputTypes(n.In), Keys: n.Keys, UpsertKey: n.UpsertKey, TTL: n.TTL}
		return func() exec.Operator { return exec.NewSinkMaterializer(cfg) }, n.TTL, nil
	}
	return nil, 0, diag.At(n.Info().Span, diag.Internal, "no operator for %s", n.Name())
}

func inputTypes(n plan.Node) []types.Type { return n.Info().Schema.Types() }

func (b *builder) calc(n *plan.Calc) (func() exec.Operator, int64, error) {
	in := inputTypes(n.In)
	// Compile once to report mistakes now; each operator compiles its own.
	if _, err := expr.NewCalc(n.Filter, n.Exprs, in); err != nil {
		return nil, 0, err
	}
	return func() exec.Operator { return exec.NewCalc(n.Filter, n.Exprs, in) }, 0, nil
}

func joinType(t plan.JoinType) exec.JoinType {
	return [...]exec.JoinType{
		plan.Inner: exec.InnerJoin, plan.LeftOuter: exec.LeftJoin, plan.RightOuter: exec.RightJoin,
		plan.FullOuter: exec.FullJoin, plan.Semi: exec.SemiJoin, plan.Anti: exec.AntiJoin,
	}[t]
}

func joinKeys(c plan.Cond) exec.JoinKeys {
	return exec.JoinKeys{Left: c.LeftKeys, Right: c.RightKeys, NullSafe: c.NullSafe, Residual: c.Residual}
}

func (b *builder) join(n *plan.Join) (func() exec.Operator, int64, error) {
	cfg := exec.JoinConfig{
		Type: joinType(n.Type), Left: inputTypes(n.Left), Right: inputTypes(n.Right),
		JoinKeys: joinKeys(n.Cond), Out: n.Schema.Types(), EmitUpdateBefore: n.EmitUpdateBefore(),
		Sides: [2]exec.JoinSide{joinSide(n.LeftSide, n.Left), joinSide(n.RightSide, n.Right)},
	}
	for i, p := range []*plan.Prune{n.PruneLeft, n.PruneRight} {
		if s := &cfg.Sides[i]; p != nil && s.TTL == 0 && !b.batch {
			s.Prune, s.PruneCol, s.PruneLag = true, p.Col, p.Lag
		}
	}
	if !n.HasUpdates() && !n.HasDeletes() {
		cfg.EmitUpdateBefore = true // there are none: nothing to look for
	}
	return func() exec.Operator { return exec.NewJoin(cfg) }, max(n.LeftSide.TTL, n.RightSide.TTL), nil
}

// joinSide says that an input replaces rows by key when it gives +U without -U.
func joinSide(s plan.JoinSide, in plan.Node) exec.JoinSide {
	out := exec.JoinSide{TTL: s.TTL, Unique: s.UniqueKey, UniqueInKey: s.KeyInJoinKey}
	emits := in.Info().Emits
	if emits&connect.HasUpdateAfter != 0 && emits&connect.HasUpdateBefore == 0 || in.Info().KeyDeletes {
		out.Upsert = s.UniqueKey
	}
	return out
}

func (b *builder) intervalJoin(n *plan.IntervalJoin) (func() exec.Operator, int64, error) {
	cfg := exec.IntervalJoinConfig{
		Type: joinType(n.Type), Left: inputTypes(n.Left), Right: inputTypes(n.Right), JoinKeys: joinKeys(n.Cond),
		LeftTime: n.LeftTime, RightTime: n.RightTime, Rowtime: n.Rowtime, Lower: n.Lower, Upper: n.Upper, Cleanup: n.Cleanup, Out: n.Schema.Types(),
	}
	return func() exec.Operator { return exec.NewIntervalJoin(cfg) }, 0, nil
}

// firing converts the wall-clock end of a window on TIMESTAMP_LTZ to the moment it
// stands for; nil where an end is event time already.
func (b *builder) firing(w plan.WindowSpec) func(int64) int64 {
	if w.TimeType.Kind != types.TimestampLTZ || b.cfg.Zone == time.UTC {
		return nil
	}
	zone := b.cfg.Zone
	return func(wall int64) int64 { return exec.FiresAt(zone, wall) }
}

func (b *builder) windowJoin(n *plan.WindowJoin) (func() exec.Operator, int64, error) {
	cfg := exec.WindowJoinConfig{
		Type: joinType(n.Type), Left: inputTypes(n.Left), Right: inputTypes(n.Right), JoinKeys: joinKeys(n.Cond),
		LeftEnd: n.LeftEnd, RightEnd: n.RightEnd, Out: n.Schema.Types(), Firing: b.firing(n.Window),
	}
	return func() exec.Operator { return exec.NewWindowJoin(cfg) }, 0, nil
}

func (b *builder) lookupJoin(n *plan.LookupJoin) (func() exec.Operator, int64, error) {
	in := inputTypes(n.In)
	keys := make([]expr.Node, len(n.Keys))
	for i, k := range n.Keys {
		if k >= 0 {
			keys[i] = expr.NewRef(k, in[k], n.Span)
		} else {
			keys[i] = n.Consts[i]
		}
	}
	cfg := exec.LookupJoinConfig{
		Left: n.Type == plan.LeftOuter, Input: in, Table: n.Conn.Schema.Types(), TableKeys: n.TableKeys, Keys: keys,
		Lookup: n.Lookup, Filter: n.Filter, Residual: n.Residual, Read: n.Read, Out: n.Schema.Types(), Cache: n.Cache,
	}
	if h := n.How; h != nil {
		how := exec.AsyncLookup{Outside: h.Async, Unordered: h.Unordered, KeyOrder: h.KeyOrder, Capacity: h.Capacity, Timeout: h.Timeout, Retries: h.Retries, Delay: h.Delay}
		ttl := int64(0)
		if n.Keep {
			how.Keep, ttl = &exec.LookupKeep{Key: n.KeepKey, Unique: n.KeepUnique, TTL: n.TTL}, n.TTL
		}
		return func() exec.Operator { return exec.NewAsyncLookupJoin(cfg, how) }, ttl, nil
	}
	if n.Keep {
		keep := exec.LookupKeep{Key: n.KeepKey, Unique: n.KeepUnique, TTL: n.TTL}
		return func() exec.Operator { return exec.NewKeptLookupJoin(cfg, keep) }, n.TTL, nil
	}
	return func() exec.Operator { return exec.NewLookupJoin(cfg) }, 0, nil
}

func orderKeys(keys []plan.SortKey) []exec.OrderKey {
	out := make([]exec.OrderKey, len(keys))
	for i, k := range keys {
		out[i] = exec.OrderKey{Col: k.Col, Desc: k.Desc, NullsFirst: k.NullsFirst}
	}
	return out
}

func strategy(s plan.RankStrategy) exec.TopStrategy {
	return [...]exec.TopStrategy{plan.AppendFast: exec.TopAppend, plan.UpdateFast: exec.TopUpdate, plan.Retract: exec.TopRetract}[s]
}

func (b *builder) rank(n *plan.Rank) (func() exec.Operator, int64, error) {
	if n.Kind != plan.RowNumber {
		// Ranks with gaps are a filter over OVER in batch, and refused on streams.
		return nil, 0, diag.At(n.Span, diag.Internal, "a Top-N by %s", n.Kind)
	}
	cfg := exec.TopNConfig{
		Input: inputTypes(n.In), PartitionBy: n.PartitionBy, OrderBy: orderKeys(n.OrderBy), From: n.From, To: n.To, ToCol: n.ToCol,
		OutputRank: n.OutputRank, Strategy: strategy(n.Strategy), UniqueKey: n.UniqueKey, EmitUpdateBefore: n.EmitUpdateBefore(), TTL: n.TTL,
	}
	return func() exec.Operator { return exec.NewTopN(cfg) }, n.TTL, nil
}

func (b *builder) sortLimit(n *plan.SortLimit) (func() exec.Operator, int64, error) {
	if b.batch {
		cfg := exec.SortConfig{Input: inputTypes(n.In), OrderBy: orderKeys(n.OrderBy), Offset: n.Offset, Fetch: n.Fetch}
		return func() exec.Operator { return exec.NewSort(cfg) }, 0, nil
	}
	to := n.Offset + n.Fetch
	if n.Fetch == plan.NoLimit {
		to = 1 << 40
	}
	cfg := exec.TopNConfig{
		Input: inputTypes(n.In), OrderBy: orderKeys(n.OrderBy), From: n.Offset + 1, To: to, ToCol: -1,
		Strategy: strategy(n.Strategy), UniqueKey: n.UniqueKey, EmitUpdateBefore: n.EmitUpdateBefore(), TTL: n.TTL,
	}
	return func() exec.Operator { return exec.NewTopN(cfg) }, n.TTL, nil
}

// limit without order keeps rows as they come; where rows are taken back it is a
// Top-N in order of arrival.
func (b *builder) limit(n *plan.Limit) (func() exec.Operator, int64, error) {
	if !n.InputRetracts {
		return func() exec.Operator { return exec.NewLimit(n.Offset, n.Fetch, n.TTL) }, n.TTL, nil
	}
	to := n.Offset + n.Fetch
	if n.Fetch == plan.NoLimit {
		to = 1 << 40
	}
	cfg := exec.TopNConfig{
		Input: inputTypes(n.In), From: n.Offset + 1, To: to, ToCol: -1, Strategy: exec.TopRetract, EmitUpdateBefore: n.EmitUpdateBefore(),
		TTL: n.TTL,
	}
	return func() exec.Operator { return exec.NewTopN(cfg) }, n.TTL, nil
}

func (b *builder) windowTopN(n *plan.WindowTopN) (func() exec.Operator, int64, error) {
	cfg := exec.WindowTopNConfig{
		Input: inputTypes(n.In), EndCol: n.EndCol, PartitionBy: n.PartitionBy, OrderBy: orderKeys(n.OrderBy),
		From: n.From, To: n.To, OutputRank: n.OutputRank, Firing: b.firing(n.Window),
	}
	return func() exec.Operator { return exec.NewWindowTopN(cfg) }, 0, nil
}

func (b *builder) windowDedup(n *plan.WindowDedup) (func() exec.Operator, int64, error) {
	cfg := exec.WindowTopNConfig{
		Input: inputTypes(n.In), EndCol: n.EndCol, PartitionBy: n.Keys,
		OrderBy: []exec.OrderKey{{Col: n.TimeCol, Desc: n.KeepLast}},
		From:    1, To: 1, KeepLast: n.KeepLast, Firing: b.firing(n.Window),
	}
	return func() exec.Operator { return exec.NewWindowTopN(cfg) }, 0, nil
}
