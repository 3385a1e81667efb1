package optimize

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// toChangelog chooses the operator of TO_CHANGELOG and checks the call against the
// changes that its input has.
func (o *optimizer) toChangelog(n *logical.ToChangelog) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	if len(n.PartitionBy) > 0 {
		in = o.exchange(in, n.PartitionBy)
	}
	t := in.Info()
	c := &plan.ToChangelog{
		Keys: n.PartitionBy, Rest: plan.Others(len(t.Schema), n.PartitionBy, -1), Time: n.Time, Codes: n.Codes, Partial: n.Partial, FuncUID: n.UID,
	}
	c.In = in
	has := [4]bool{batch.Insert: true, batch.UpdateAfter: t.HasUpdates(), batch.Delete: t.HasDeletes(), batch.UpdateBefore: o.toNeedsBefore(c)}
	if n.Mapped {
		for k, code := range n.Codes {
			if code != nil && !has[k] {
				return nil, diag.At(n.CodesAt, diag.ChangelogMismatch, "op_mapping names %s, and the input has no such changes", logical.KindNames[k]).
					WithHint("leave it out; the input has %s", kindList(has))
			}
		}
	}
	if !n.DeletesAt.IsZero() && !n.Partial && !t.HasDeletes() {
		return nil, diag.At(n.DeletesAt, diag.ChangelogMismatch, "produces_full_deletes is given, and the input has no deletes").WithHint("leave it out")
	}
	if n.Time >= 0 && !t.AppendOnly() {
		return nil, diag.At(n.At, diag.ChangelogMismatch, "on_time is for inputs that only insert, and this one has %s", kindList(has))
	}
	if n.Partial {
		key := smallest(t.UpsertKeys)
		if key == nil && len(n.PartitionBy) == 0 {
			return nil, diag.At(n.DeletesAt, diag.ChangelogMismatch, "produces_full_deletes => FALSE needs a key, and the input has none").
				WithHint("add PARTITION BY, or leave the argument out")
		}
		c.Keep = append(append([]int(nil), n.PartitionBy...), key...)
	}
	c.Span, c.Emits = n.At, connect.HasInsert
	c.Schema = n.Schema()
	for i, name := range plan.Unique(c.Schema.Names()) {
		c.Schema[i].Name = name
	}
	c.Invocation = "TO_CHANGELOG(TABLE" + partitionText(t.Schema, n.PartitionBy) + ", DESCRIPTOR(" + n.Op + "))"
	c.Dist = mapDist(t.Dist, func(i int) []int {
		if at := slices.Index(n.PartitionBy, i); at >= 0 {
			return []int{at}
		}
		if at := slices.Index(c.Rest, i); at >= 0 && !n.Partial {
			return []int{len(n.PartitionBy) + 1 + at}
		}
		return nil
	})
	return o.ptf(c, n.UID, len(n.PartitionBy) > 0, n.At)
}

// smallest is a shortest key; nil when there is none.
func smallest(keys [][]int) []int {
	var out []int
	for _, k := range keys {
		if out == nil || len(k) < len(out) {
			out = k
		}
	}
	return out
}

func kindList(has [4]bool) string {
	var out []string
	for k, y := range has {
		if y {
			out = append(out, logical.KindNames[k])
		}
	}
	return strings.Join(out, ", ")
}

func partitionText(s types.Schema, by []int) string {
	if len(by) == 0 {
		return ""
	}
	var out []string
	for _, k := range by {
		out = append(out, s[k].Name)
	}
	return " PARTITION BY(" + strings.Join(out, ", ") + ")"
}

// toNeedsBefore: rows before an update come in unless the partition key is the key by
// which the new row replaces the old one.
func (o *optimizer) toNeedsBefore(n *plan.ToChangelog) bool {
	if !updates(n.In) {
		return false
	}
	exact := len(n.Keys) > 0 && slices.ContainsFunc(n.In.Info().UpsertKeys, func(k []int) bool { return sameSet(k, n.Keys) })
	return !exact || !o.canSkip(n.In)
}

// fromChangelog chooses the operator of FROM_CHANGELOG.
func (o *optimizer) fromChangelog(n *logical.FromChangelog) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	if !in.Info().AppendOnly() {
		return nil, diag.At(n.At, diag.ChangelogMismatch, "FROM_CHANGELOG takes rows that are only inserted, and its input has updates or deletes").
			WithHint("TO_CHANGELOG makes inserts of them")
	}
	if len(n.OrderBy) > 0 {
		in = o.exchange(in, n.PartitionBy)
		s := &plan.TemporalSort{OrderBy: n.OrderBy, Rowtime: true, Partitioned: true, Keys: n.PartitionBy}
		t := in.Info()
		s.In, s.Span, s.Schema, s.Emits, s.UpsertKeys, s.Dist, s.Windows = in, n.At, t.Schema, t.Emits, t.UpsertKeys, t.Dist, t.Windows
		in = o.intern(s)
	} else if len(n.PartitionBy) > 0 {
		in = o.exchange(in, n.PartitionBy)
	}
	t := in.Info()
	c := &plan.FromChangelog{Op: n.Op, Codes: n.Codes, Skip: n.Skip, FuncUID: n.UID}
	c.Cols = append(append([]int(nil), n.PartitionBy...), plan.Others(len(t.Schema), n.PartitionBy, n.Op)...)
	c.In, c.Span, c.Schema = in, n.At, n.Schema()
	for _, code := range n.Codes {
		c.Emits |= [4]connect.Changes{
			batch.Insert: connect.HasInsert, batch.UpdateBefore: connect.HasUpdateBefore, batch.UpdateAfter: connect.HasUpdateAfter, batch.Delete: connect.HasDelete,
		}[code.Kind]
	}
	c.Invocation = "FROM_CHANGELOG(TABLE" + partitionText(t.Schema, n.PartitionBy) + ", DESCRIPTOR(" + t.Schema[n.Op].Name + "))"
	c.Dist = mapDist(t.Dist, keptAt(c.Cols))
	p, err := o.ptf(c, n.UID, len(n.PartitionBy) > 0, n.At)
	if err == nil && n.Upsert {
		key := count(len(n.PartitionBy))
		p.Info().UpsertKeys = [][]int{key}
		o.upsertScan[p] = key
	}
	return p, err
}

func count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// ptf notes a call of a process table function. Calls over partitions have an id of
// their own in the plan; equal ones are one operator.
func (o *optimizer) ptf(n plan.Node, uid string, keyed bool, at diag.Span) (plan.Node, error) {
	n = o.intern(n)
	if !keyed {
		return n, nil
	}
	if o.ptfs == nil {
		o.ptfs = map[string]plan.Node{}
	}
	if old := o.ptfs[uid]; old != nil && old != n {
		return nil, diag.At(at, diag.InvalidQuery, "two different calls of process table functions have the uid '%s'", uid).
			WithHint("tell them apart: uid => '%s-2'", strings.ToLower(uid))
	}
	o.ptfs[uid] = n
	return n, nil
}
