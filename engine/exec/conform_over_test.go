package exec

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Columns of the OVER cases: partition, order, argument, text.
var overInput = []types.Type{types.IntT, types.TimestampT(3), types.BigIntT, types.StringT}

var overAggs = []AggSpec{
	{Func: "COUNT", Filter: -1, Result: types.BigIntT},
	{Func: "COUNT", Args: []int{2}, Filter: -1, Result: types.BigIntT},
	{Func: "SUM", Args: []int{2}, Filter: -1, Result: types.BigIntT},
	{Func: "AVG", Args: []int{2}, Filter: -1, Result: types.BigIntT},
	{Func: "MIN", Args: []int{2}, Filter: -1, Result: types.BigIntT},
	{Func: "MAX", Args: []int{3}, Filter: -1, Result: types.StringT},
	{Func: "FIRST_VALUE", Args: []int{3}, Filter: -1, Result: types.StringT},
	{Func: "LAST_VALUE", Args: []int{2}, Filter: -1, Result: types.BigIntT},
	{Func: "LISTAGG", Args: []int{3}, Filter: -1, Result: types.StringT},
	{Func: "COUNT", Args: []int{2}, Distinct: true, Filter: -1, Result: types.BigIntT},
	{Func: "SUM", Args: []int{2}, Distinct: true, Filter: -1, Result: types.BigIntT},
}

// overLag are functions of position that a stream has too.
var overLag = []AggSpec{
	{Func: "ROW_NUMBER", Filter: -1, Result: types.BigIntT},
	{Func: "LAG", Args: []int{3}, Filter: -1, Result: types.StringT},
	{Func: "LAG", Args: []int{2, 4, 5}, Filter: -1, Result: types.BigIntT},
	{Func: "LAG", Args: []int{2}, IgnoreNulls: true, Filter: -1, Result: types.BigIntT},
	{Func: "RANK", Filter: -1, Result: types.BigIntT},
	{Func: "DENSE_RANK", Filter: -1, Result: types.BigIntT},
}

var overRanks = []AggSpec{
	{Func: "ROW_NUMBER", Filter: -1, Result: types.BigIntT},
	{Func: "RANK", Filter: -1, Result: types.BigIntT},
	{Func: "DENSE_RANK", Filter: -1, Result: types.BigIntT},
	{Func: "PERCENT_RANK", Filter: -1, Result: types.DoubleT},
	{Func: "CUME_DIST", Filter: -1, Result: types.DoubleT},
	{Func: "NTILE", Args: []int{4}, Filter: -1, Result: types.BigIntT},
	{Func: "LEAD", Args: []int{3}, Filter: -1, Result: types.StringT},
	{Func: "LEAD", Args: []int{2, 4, 5}, Filter: -1, Result: types.BigIntT},
	{Func: "LEAD", Args: []int{2}, IgnoreNulls: true, Filter: -1, Result: types.BigIntT},
}

func overFresh(r *rand.Rand, at int64) []string {
	return []string{orNull(r, str(int64(r.IntN(3)))), str(at), orNull(r, str(int64(r.IntN(9)-4))), orNull(r, string("abcd"[r.IntN(4)]))}
}

// overNaive says what an OVER is, for the naive computation.
type overNaive struct {
	rows   bool
	lo, hi OverBound
	calls  []AggSpec
	desc   bool
}

// frame are the rows of a partition, in order, that row i sees.
func (o *overNaive) frame(part [][]string, i int) [][]string {
	in := func(j int) bool {
		if o.rows {
			return reached(o.lo, int64(j-i), -1) && reached(o.hi, int64(j-i), 1)
		}
		a, b := part[j][1], part[i][1]
		switch {
		case a == b:
			// Peers see each other unless the frame leaves the current place out.
			return a == "NULL" || reached(o.lo, 0, -1) && reached(o.hi, 0, 1)
		case a == "NULL" || b == "NULL":
			// NULL is no distance from anything: only unbounded frames reach it.
			if j < i {
				return o.lo.Kind == OverUnboundedPreceding
			}
			return o.hi.Kind == OverUnboundedFollowing
		}
		d := num(a) - num(b)
		if o.desc {
			d = -d
		}
		return reached(o.lo, d, -1) && reached(o.hi, d, 1)
	}
	var out [][]string
	for j := range part {
		if in(j) {
			out = append(out, part[j])
		}
	}
	return out
}

// reached reports whether a row at distance d is within a bound; side is -1 for the
// lower one.
func reached(b OverBound, d, side int64) bool {
	at := int64(0)
	switch b.Kind {
	case OverUnboundedPreceding, OverUnboundedFollowing:
		return true
	case OverPreceding:
		at = -b.Offset
	case OverFollowing:
		at = b.Offset
	}
	if side < 0 {
		return d >= at
	}
	return d <= at
}

// row is the output for row i of a partition in order.
func (o *overNaive) row(part [][]string, i int) []string {
	out := slices.Clone(part[i])
	out[1] = "NULL"
	if part[i][1] != "NULL" {
		out[1] = ms(part[i][1])
	}
	for _, s := range o.calls {
		out = append(out, o.call(part, i, s))
	}
	return out
}

func (o *overNaive) call(part [][]string, i int, s AggSpec) string {
	n, peers, below, places := len(part), 0, 0, map[string]bool{}
	for j := range part {
		switch {
		case part[j][1] == part[i][1]:
			peers++
		case j < i:
			below++
			places[part[j][1]] = true
		}
	}
	switch s.Func {
	case "ROW_NUMBER":
		return str(int64(i + 1))
	case "RANK":
		return str(int64(below + 1))
	case "DENSE_RANK":
		return str(int64(len(places) + 1))
	case "PERCENT_RANK":
		return anyText(types.DoubleT, float64(below)/max(1, float64(n-1)))
	case "CUME_DIST":
		return anyText(types.DoubleT, float64(below+peers)/float64(n))
	case "NTILE":
		k := int(num(part[i][4]))
		// Deal the rows one by one to see how many each bucket gets.
		sizes := make([]int, k)
		for j := range n {
			sizes[j%k]++
		}
		b, left := 0, i
		for left >= sizes[b] {
			left -= sizes[b]
			b++
		}
		return str(int64(b + 1))
	case "LAG", "LEAD":
		return lagged(part, i, s)
	}
	return naiveAgg(o.frame(part, i), s)
}

func lagged(part [][]string, i int, s AggSpec) string {
	step, far := -1, 1
	if s.Func == "LEAD" {
		step = 1
	}
	if len(s.Args) > 1 {
		far = int(num(part[i][s.Args[1]]))
	}
	j := i
	for far > 0 {
		if j += step; j < 0 || j >= len(part) {
			if len(s.Args) > 2 {
				return part[i][s.Args[2]]
			}
			return "NULL"
		}
		if !s.IgnoreNulls || part[j][s.Args[0]] != "NULL" {
			far--
		}
	}
	return part[j][s.Args[0]]
}

// overShape is a frame under test.
type overShape struct {
	name   string
	rows   bool
	lo, hi OverBound
	calls  []AggSpec
	wide   bool // the input has the arguments of LAG and NTILE behind
	vary   bool // and they differ from row to row
}

var (
	unbounded = OverBound{Kind: OverUnboundedPreceding}
	current   = OverBound{Kind: OverCurrentRow}
	atEnd     = OverBound{Kind: OverUnboundedFollowing}
)

func preceding(n int64) OverBound { return OverBound{OverPreceding, n} }
func following(n int64) OverBound { return OverBound{OverFollowing, n} }

var streamShapes = []overShape{
	{"rows unbounded", true, unbounded, current, overAggs, false, false},
	{"range unbounded", false, unbounded, current, overAggs, false, false},
	{"rows 2", true, preceding(2), current, overAggs, false, false},
	{"rows 0", true, current, current, overAggs, false, false},
	{"range 5", false, preceding(5), current, overAggs, false, false},
	{"range 0", false, current, current, overAggs, false, false},
	{"edges of rows 3", true, preceding(3), current, overAggs[4:8], false, false},
	{"lag", true, unbounded, current, overLag, true, false},
}

var lagShape = overShape{"positions", true, unbounded, current, append(slices.Clone(overLag), overRanks...), true, true}

// shapeInput is the input of a shape, and its rows.
func shapeInput(s overShape, fresh func(r *rand.Rand, at int64) []string) ([]types.Type, func(r *rand.Rand, at int64) []string) {
	if !s.wide {
		return overInput, fresh
	}
	return append(slices.Clone(overInput), types.IntT.Nullable(false), types.BigIntT), func(r *rand.Rand, at int64) []string {
		far := "2" // a stream keeps what the greatest distance so far may ask for
		if s.vary {
			far = str(int64(1 + r.IntN(3)))
		}
		return append(fresh(r, at), far, str(int64(100+r.IntN(9))))
	}
}

func overCases() []*conformCase {
	var out []*conformCase
	for _, s := range streamShapes {
		out = append(out, rowtimeCase(s, 0), proctimeCase(s, 0))
	}
	for _, s := range []overShape{streamShapes[0], streamShapes[2], streamShapes[4], streamShapes[6], streamShapes[7]} {
		out = append(out, rowtimeCase(s, 3_600_000)) // all of it happens within the TTL
	}
	out = append(out, proctimeCase(streamShapes[2], 3_600_000))
	for _, rows := range []bool{true, false} {
		out = append(out, valueCase("words", rows, overAggs[:4], true), valueCase("bytes", rows, overAggs, true),
			valueCase("ranks", rows, overLag[4:], true), valueCase("ranks and words", rows, append(slices.Clone(overLag[4:]), overAggs[:4]...), true),
			valueCase("ranks and bytes", rows, append(slices.Clone(overAggs), overLag[4:]...), true),
			valueCase("numbers, no -U", rows, []AggSpec{overAggs[0], overAggs[2]}, false))
	}
	for i, s := range append(batchShapes(), lagShape) {
		if i%9 == 0 || s.vary {
			out = append(out, sortedCase(s, i%2 == 0))
		}
	}
	return out
}

// TestOverFrames tries all frames of bounded input, in both directions.
func TestOverFrames(t *testing.T) {
	for _, desc := range []bool{false, true} {
		for i, s := range append(batchShapes(), lagShape) {
			c := sortedCase(s, desc)
			ev := c.gen(rand.New(rand.NewPCG(uint64(i), 5)), 80)
			got := c.run(t, ev, variant{size: 7, exact: true})
			sameSet(t, c.name, foldLines(t, c.name, got.all(), nil), c.want(ev))
		}
	}
}

func batchShapes() []overShape {
	var out []overShape
	bounds := []OverBound{unbounded, preceding(4), preceding(1), current, following(1), following(4), atEnd}
	for i, lo := range bounds[:6] {
		for _, hi := range bounds[i:] {
			if hi.Kind == OverUnboundedPreceding {
				continue
			}
			for _, rows := range []bool{true, false} {
				out = append(out, overShape{fmt.Sprintf("%v to %v rows=%v", lo, hi, rows), rows, lo, hi, overAggs, false, false})
			}
		}
	}
	return out
}

var timeCell = regexp.MustCompile(`1970-01-01 00:00:00\.\d{3}`)

// arrived is a row of an OVER by time.
type arrived struct {
	row   []string
	at    int64
	group int
}

// keyGroup is the key group of an INT cell.
func keyGroup(cell string) int {
	b := ParseRows([]types.Type{types.IntT}, rowText(cell))
	return batch.KeyGroupOf([]*batch.Col{&b.Cols[0]}, 0, 128)
}

// outOfTime are the rows of an OVER by time in the order they come out: each as its
// partition so far (for RANGE with its peers) and its place in it.
func outOfTime(due []arrived, done map[string][][]string, o *overNaive) []string {
	slices.SortStableFunc(due, func(a, b arrived) int {
		return cmp.Or(cmp.Compare(a.at, b.at), a.group-b.group, compareCells(a.row[0], b.row[0]))
	})
	var out []string
	for i := 0; i < len(due); {
		k, end := due[i].row[0], i
		for end < len(due) && due[end].row[0] == k && due[end].at == due[i].at {
			row := slices.Clone(due[end].row)
			done[k] = append(done[k], row)
			end++
		}
		for j := i; j < end; j++ {
			part := done[k]
			at := len(part) - (end - j)
			if o.rows {
				part = part[:at+1]
			}
			out = append(out, "+I"+rowText(o.row(part, at)...))
		}
		i = end
	}
	return out
}

func ttlName(ttl int64) string {
	if ttl > 0 {
		return " with a TTL"
	}
	return ""
}

func rowtimeCase(s overShape, ttl int64) *conformCase {
	in, fresh := shapeInput(s, overFresh)
	o := &overNaive{rows: s.rows, lo: s.lo, hi: s.hi, calls: s.calls}
	cfg := OverConfig{
		Input: in, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1}}, Rows: s.rows, Lo: s.lo, Hi: s.hi, Calls: s.calls, Order: OverRowtime, TTL: ttl,
	}
	return &conformCase{
		name: "over rowtime " + s.name + ttlName(ttl), ttl: ttl, in: [][]types.Type{in}, part: [][]int{{0}}, gen: withMarks(fresh),
		op: func() Operator { return NewOver(cfg) },
		msgs: func(ev []event) []string {
			var out []string
			var wait []arrived
			done, last, wm := map[string][][]string{}, map[string]int64{}, batch.NoWatermark
			ends := map[string]int64{}
			for _, e := range append(slices.Clone(ev), event{wm: batch.MaxWatermark}) {
				if e.cells == nil {
					if e.wm <= wm {
						continue
					}
					wm = e.wm
					var due []arrived
					wait = slices.DeleteFunc(wait, func(a arrived) bool {
						if a.at <= wm {
							due = append(due, a)
							last[a.row[0]] = max(last[a.row[0]], a.at)
						}
						return a.at <= wm
					})
					out = append(out, outOfTime(due, done, o)...) // sorts due by time
					for _, a := range due {
						if s.lo.Kind != OverUnboundedPreceding && !s.rows && ends[a.row[0]] < a.at+s.lo.Offset+1 {
							ends[a.row[0]] = a.at + s.lo.Offset + s.lo.Offset/2 + 1
						}
					}
					for k, end := range ends {
						if end <= wm {
							delete(ends, k)
							delete(last, k)
							delete(done, k)
						}
					}
					continue
				}
				at := num(e.cells[1])
				fired, any := last[e.cells[0]]
				if late := at <= wm; late && (s.lo.Kind == OverUnboundedPreceding || any && at <= fired) {
					continue
				}
				wait = append(wait, arrived{e.cells, at, keyGroup(e.cells[0])})
			}
			return out
		},
	}
}

func proctimeCase(s overShape, ttl int64) *conformCase {
	in, fresh := shapeInput(s, overFresh)
	o := &overNaive{rows: s.rows || s.lo.Kind == OverUnboundedPreceding, lo: s.lo, hi: s.hi, calls: s.calls}
	cfg := OverConfig{
		Input: in, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1}}, Rows: s.rows, Lo: s.lo, Hi: s.hi, Calls: s.calls, Order: OverProctime, TTL: ttl,
	}
	gen := inserts(func(r *rand.Rand) []string { return fresh(r, 0) })
	return &conformCase{
		name: "over proctime " + s.name + ttlName(ttl), ttl: ttl, in: [][]types.Type{in}, part: [][]int{{0}}, gen: withClock(gen, 3),
		op: func() Operator { return NewOver(cfg) },
		msgs: func(ev []event) []string {
			var out []string
			var wait []arrived
			done, clock := map[string][][]string{}, int64(0)
			// Frames by time are computed with the time of arrival in the order column.
			for _, e := range append(slices.Clone(ev), event{clock: 1}) {
				if e.cells == nil {
					out = append(out, outOfTime(wait, done, o)...)
					wait = nil
					clock += e.clock
					continue
				}
				row := slices.Clone(e.cells)
				row[1] = str(clock)
				wait = append(wait, arrived{row, clock, keyGroup(row[0])})
				if o.rows {
					out = append(out, outOfTime(wait, done, o)...)
					wait = nil
				}
			}
			// What is shown in the order column is what was there.
			for i, line := range out {
				out[i] = timeCell.ReplaceAllString(line, ms("0"))
			}
			return out
		},
	}
}

// sortedCase is OVER of bounded input.
func sortedCase(s overShape, desc bool) *conformCase {
	in, fresh := shapeInput(s, func(r *rand.Rand, at int64) []string {
		row := overFresh(r, int64(r.IntN(24)))
		row[1] = orNull(r, row[1])
		return row
	})
	o := &overNaive{rows: s.rows, lo: s.lo, hi: s.hi, calls: s.calls, desc: desc}
	cfg := OverConfig{
		Input: in, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1, Desc: desc, NullsFirst: !desc}}, Rows: s.rows,
		Lo: s.lo, Hi: s.hi, Calls: s.calls, Order: OverSorted,
	}
	return &conformCase{
		name: "over sorted desc=" + strconv.FormatBool(desc) + " " + s.name, in: [][]types.Type{in}, part: [][]int{{0}},
		gen: inserts(func(r *rand.Rand) []string { return fresh(r, 0) }),
		op:  func() Operator { return NewOver(cfg) },
		want: func(ev []event) []string {
			var out []string
			for _, rows := range byKey(table(ev, 0)) {
				part := ranked(rows, desc)
				for i := range part {
					out = append(out, rowText(o.row(part, i)...))
				}
			}
			return out
		},
	}
}

// valueCase is OVER by value on a stream that takes rows back.
func valueCase(name string, rows bool, calls []AggSpec, before bool) *conformCase {
	in := []types.Type{types.IntT, types.TimestampT(3), types.BigIntT, types.StringT, types.BigIntT.Nullable(false)}
	cfg := OverConfig{
		Input: in, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 1, NullsFirst: true}}, Rows: rows, Lo: unbounded, Hi: current,
		Calls: calls, Order: OverValue, EmitUpdateBefore: before,
	}
	o := &overNaive{rows: rows, lo: unbounded, hi: current, calls: calls}
	c := &conformCase{
		name: fmt.Sprintf("over value %s rows=%v", name, rows), in: [][]types.Type{in}, part: [][]int{{0}},
		gen: changes(func(r *rand.Rand) []string {
			return append(overFresh(r, int64(r.IntN(8))), str(r.Int64N(1<<40)))
		}),
		op: func() Operator { return NewOver(cfg) },
		want: func(ev []event) []string {
			var out []string
			for _, list := range byKey(table(ev, 0)) {
				part := ranked(list, false)
				for i := range part {
					out = append(out, rowText(o.row(part, i)...))
				}
			}
			return out
		},
	}
	if !before {
		c.key = []int{4}
	}
	return c
}
