package scalar_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/measure"
)

// Loops over rows that go through an interface, a map or an allocation do 2 to 5
// million rows a second. speedFloor is what every function over columns of fixed width
// must do.
const speedFloor = 20e6

var speedList = flag.Bool("speed.list", false, "print the speed of every function")

// speedTypes are the types that arguments are tried with.
var speedTypes = []types.Type{
	types.BigIntT, types.DoubleT, types.IntT, types.BooleanT, types.DateT, types.TimestampT(3), types.TimestampLTZT(3), types.TimeT,
	types.DecimalT(10, 2), types.DayTimeT(), types.YearMonthT(),
}

// speedColumn is a column of ordinary values without NULLs.
func speedColumn(t types.Type, r *rand.Rand) batch.Col {
	b := batch.NewBuilder(t.Nullable(true))
	for range batch.MaxRows {
		switch t.Kind {
		case types.Boolean:
			b.AppendBool(r.IntN(2) == 0)
		case types.Double, types.Float:
			b.AppendFloat(r.Float64()*2 - 1)
		case types.Date:
			b.AppendInt(int64(18_000 + r.IntN(2_000)))
		case types.Time:
			b.AppendInt(int64(r.IntN(86_400_000)))
		case types.Timestamp, types.TimestampLTZ:
			b.AppendInt(1_600_000_000_000 + int64(r.IntN(100_000_000)))
		default:
			b.AppendInt(int64(1 + r.IntN(1_000)))
		}
	}
	return b.Finish()
}

func fixedWidth(t types.Type) bool {
	switch t.Phys() {
	case types.PhysBytes, types.PhysList, types.PhysRow, types.PhysNone:
		return false
	}
	return true
}

// speedCall is a call over columns of fixed width that gives such a column.
type speedCall struct {
	name string
	node expr.Node
	args []types.Type
}

// speedArg is an argument to try: a column of a type or a constant.
type speedArg struct {
	t   types.Type
	lit expr.Node
}

// speedArgs are the arguments to try for a function of n. Units of time are constants.
func speedArgs(n int) []speedArg {
	var out []speedArg
	for _, t := range speedTypes {
		out = append(out, speedArg{t: t})
	}
	if n > 1 {
		for _, s := range []string{"DAY", "MONTH", "SECOND"} {
			c := batch.ConstBytes(types.CharT(len(s)), []byte(s))
			out = append(out, speedArg{lit: expr.NewLiteral(&c, diag.Span{})})
		}
		c := batch.ConstInt(types.IntT, 2)
		out = append(out, speedArg{lit: expr.NewLiteral(&c, diag.Span{})})
	}
	return out
}

// speedCalls finds calls of a function: the first types that each number of arguments
// takes, in order, and for one argument every type.
func speedCalls(fn *function.Func) []speedCall {
	var out []speedCall
	var try func(args []speedArg, n int) bool
	try = func(given []speedArg, n int) bool {
		if len(given) < n {
			found := false
			for _, a := range speedArgs(n) {
				if found = try(append(slices.Clip(given), a), n) || found; found && n > 1 && len(given) > 0 {
					break
				}
			}
			return found
		}
		refs := make([]expr.Node, len(given))
		var args []types.Type
		var names []string
		for i, a := range given {
			if a.lit != nil {
				refs[i] = a.lit
				names = append(names, expr.String(a.lit, nil))
				continue
			}
			refs[i] = expr.NewRef(len(args), a.t, diag.Span{})
			args, names = append(args, a.t), append(names, a.t.String())
		}
		if n > 0 && len(args) == 0 {
			return false
		}
		node, err := expr.NewCall(fn, refs, diag.Span{})
		if err != nil || node == nil || !fixedWidth(node.Type()) {
			return false
		}
		if _, err := expr.NewCalc(nil, []expr.Node{node}, args); err != nil {
			return false
		}
		out = append(out, speedCall{fn.Name + "(" + strings.Join(names, ", ") + ")", node, args})
		return true
	}
	for n := range 4 {
		try(nil, n)
	}
	return out
}

// speed is the rows a second of a call, at best of some rounds.
func speed(c speedCall, cols map[string]*batch.Col, enough time.Duration) (float64, error) {
	in := &batch.Batch{N: batch.MaxRows}
	for _, t := range c.args {
		in.Cols = append(in.Cols, *cols[t.String()])
	}
	calc, err := expr.NewCalc(nil, []expr.Node{c.node}, c.args)
	if err != nil {
		return 0, err
	}
	f := function.NewFrame(function.FixedEnv{NowMillis: 1_700_000_000_000, Random: rand.New(rand.NewPCG(1, 2)), WatermarkTime: batch.NoWatermark}, time.UTC)
	var out batch.Batch
	best := time.Duration(math.MaxInt64)
	for start, rounds := time.Now(), 0; rounds < 10 || time.Since(start) < enough; rounds++ {
		t, cpu := time.Now(), measure.CPU()
		if err := calc.Run(f, in, &out); err != nil {
			return 0, err
		}
		best = min(best, max(min(time.Since(t), measure.CPU()-cpu), 1))
	}
	return batch.MaxRows / best.Seconds(), nil
}

// TestSpeed times every function over columns of fixed width: none may be so slow that
// it must go row by row. With MINK_ALL or -speed.list it takes its time; the best round of
// a call counts, so that a busy machine does not fail it.
func TestSpeed(t *testing.T) {
	all := os.Getenv("MINK_ALL") != "" || *speedList
	enough := time.Millisecond
	floor := speedFloor / 10 // a glance, which only a loop over rows fails
	if all {
		enough, floor = 20*time.Millisecond, speedFloor
	}
	r := rand.New(rand.NewPCG(5, 6))
	cols := map[string]*batch.Col{}
	for _, ty := range speedTypes {
		c := speedColumn(ty, r)
		cols[ty.String()] = &c
	}
	type line struct {
		name string
		rate float64
	}
	var lines []line
	timed := map[string]bool{}
	for _, fn := range scalar.All() {
		for _, c := range speedCalls(&fn) {
			timed[fn.Name] = true
			rate, err := speed(c, cols, enough)
			if err != nil {
				continue // these values are not for this function
			}
			lines = append(lines, line{c.name, rate})
			least := floor
			// Again, with more patience each time, before it is a failure.
			for wait := 10 * enough; rate < least && wait <= 1000*enough; wait *= 10 {
				if again, err := speed(c, cols, wait); err == nil {
					rate = max(rate, again)
				}
			}
			if rate < least {
				t.Errorf("%s: %.1f M rows/s, below %.0f", c.name, rate/1e6, least/1e6)
			}
		}
	}
	if len(timed) < 90 {
		t.Errorf("only %d functions were timed: the search for arguments is broken", len(timed))
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].rate < lines[j].rate })
	if *speedList {
		for _, l := range lines {
			fmt.Printf("%8.1f M rows/s  %s\n", l.rate/1e6, l.name)
		}
	}
	t.Logf("%d calls of %d functions, the slowest %s with %.0f M rows/s", len(lines), len(timed), lines[0].name, lines[0].rate/1e6)
}
