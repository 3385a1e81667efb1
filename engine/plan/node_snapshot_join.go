package plan

import (
	"strconv"
	"strings"
)

// SnapshotLoad are the arguments of SNAPSHOT beside its table.
type SnapshotLoad struct {
	// Condition says where LoadTime comes from: compile_time or user_time.
	Condition string
	// LoadTime is the watermark of the table, in milliseconds, at which it is loaded.
	LoadTime int64
	// Idle in milliseconds: the table is loaded, too, when its watermark has not risen
	// for so long; 0 waits for LoadTime. TTL in milliseconds keeps the rows of a key that
	// is not used for so long; 0 is for ever.
	Idle, TTL int64
}

// attrs shows the arguments. The time of compile_time is left out: it is another one each
// time a statement is planned, and a compiled plan would not be that of its statement.
func (l SnapshotLoad) attrs() []Attr {
	out := []Attr{{"loadCompletedCondition", "[" + l.Condition + "]"}}
	if l.Condition == "user_time" {
		out = append(out, Attr{"loadCompletedTime", "[" + strconv.FormatInt(l.LoadTime, 10) + "]"})
	}
	if l.Idle > 0 {
		out = append(out, Attr{"loadCompletedIdleTimeout", "[" + strconv.FormatInt(l.Idle, 10) + " ms]"})
	}
	if l.TTL > 0 {
		out = append(out, Attr{"stateTtl", "[" + strconv.FormatInt(l.TTL, 10) + " ms]"})
	}
	return out
}

// Args shows the arguments in a line.
func (l SnapshotLoad) Args() string {
	var parts []string
	for _, a := range l.attrs() {
		parts = append(parts, a.Key+"="+a.Value)
	}
	return strings.Join(parts, ", ")
}

// SnapshotJoin joins each row of its left input, which only inserts, with the rows that
// the right one has when the row passes. Left rows wait until the right input is loaded.
//
// Output as Join; only inserts. Time attributes of the left input stay what they are.
// The right input gives -U and whole rows.
type SnapshotJoin struct {
	Traits
	in2
	Type JoinType // Inner or LeftOuter
	Cond
	// RightTime is the event-time column of the right input.
	RightTime int
	SnapshotLoad
}

// Name is the operator's name.
func (*SnapshotJoin) Name() string { return "LateralSnapshotJoin" }

// Attrs shows type, condition and when the right input is loaded.
func (n *SnapshotJoin) Attrs() []Attr {
	c := n.Cond.attrs(n.Type, n.Left, n.Right)
	return append(append([]Attr{c[0], c[1]}, n.SnapshotLoad.attrs()...), Attr{"select", "[" + names(n.Schema) + "]"})
}
