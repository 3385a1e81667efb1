package scalar_test

import (
	"fmt"
	"os"
	"sort"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/types"
)

// speedExampleFloor is what every function must do over a column of the values of its
// examples, short ASCII strings for the most part.
const speedExampleFloor = 5e6

// speedExamples are functions whose work alone takes longer, with what is asked of them.
var speedExamples = func() map[string]float64 {
	m := map[string]float64{}
	add := func(floor float64, names ...string) {
		for _, n := range names {
			m[n] = floor
		}
	}
	// A bitmap is read whole and written anew.
	add(0.3e6, "BITMAP_AND", "BITMAP_ANDNOT", "BITMAP_OR", "BITMAP_XOR")
	add(1e6, "BITMAP_BUILD", "BITMAP_FROM_BYTES", "BITMAP_TO_ARRAY", "BITMAP_TO_STRING", "BITMAP_CARDINALITY")
	// Several values by the rules of Java's Formatter.
	add(0.5e6, "PRINTF")
	// Patterns without a literal to look for, on Go's regexp.
	add(1e6, "REGEXP", "REGEXP_COUNT", "REGEXP_EXTRACT", "REGEXP_EXTRACT_ALL", "REGEXP_INSTR", "REGEXP_REPLACE", "REGEXP_SUBSTR", "SIMILAR TO", "STR_TO_MAP")
	// The digests alone take 150 to 300 ns.
	add(1.5e6, "MD5", "SHA1", "SHA2", "SHA224", "SHA256", "SHA384", "SHA512")
	// Documents taken apart and written again.
	add(1.5e6, "JSON", "JSON_ARRAY", "JSON_OBJECT", "JSON_QUERY", "PARSE_JSON", "TRY_PARSE_JSON")
	add(2.5e6, "ARRAY_INTERSECT", "ARRAY_UNION", "ARRAY_EXCEPT", "CONVERT_TZ", "JSON_VALUE", "TO_TIMESTAMP_LTZ", "TRANSLATE", "UNIX_TIMESTAMP")
	return m
}()

// speedExample makes a call of the example: its first argument that has a value is a
// column of that value, the others stay constants, as patterns and formats mostly are.
func speedExample(v *evaluator, fn *function.Func, sql string) (node expr.Node, col *batch.Col, err error) {
	root, err := v.bind(sql)
	if err != nil {
		return nil, nil, err
	}
	target := root
	expr.Walk(root, func(n expr.Node) bool {
		if c, ok := n.(*expr.Call); ok && c.Func.Name == fn.Name {
			target = n
			return false
		}
		return true
	})
	var args []expr.Node
	expr.Walk(target, func(n expr.Node) bool {
		if n != target {
			args = append(args, n)
		}
		return n == target
	})
	for _, a := range args {
		l, err := expr.Eval(a, v.frame)
		if err != nil {
			return nil, nil, err
		}
		if l.Col.IsNull(0) {
			continue
		}
		var c batch.Col
		sel := make([]uint16, batch.MaxRows)
		one := *l.Col
		one.Enc = batch.Flat
		c.Gather(&one, sel, len(sel))
		ref := expr.NewRef(0, c.Type, diag.Span{})
		return expr.Rewrite(target, func(n expr.Node) expr.Node {
			if n == a {
				return ref
			}
			return n
		}), &c, nil
	}
	return target, nil, nil
}

// TestSpeedOfExamples times every function over columns of the values of its examples:
// strings, lists, JSON, whatever it takes. None may be so slow that it must allocate or
// look things up for each row.
func TestSpeedOfExamples(t *testing.T) {
	all := os.Getenv("MINK_ALL") != "" || *speedList
	enough, share := time.Millisecond, 0.1
	if all {
		enough, share = 20*time.Millisecond, 1
	}
	v := newEvaluator(time.UTC)
	type line struct {
		sql  string
		rate float64
	}
	var lines []line
	for _, fn := range scalar.All() {
		timed := false
		for _, ex := range fn.Examples {
			node, col, err := speedExample(v, &fn, ex.SQL)
			if err != nil {
				continue // an example of a mistake
			}
			call := speedCall{name: ex.SQL, node: node}
			cols := map[string]*batch.Col{}
			if col != nil {
				call.args = []types.Type{col.Type}
				cols[col.Type.String()] = col
			}
			rate, err := speed(call, cols, enough)
			if err != nil {
				continue
			}
			timed = true
			floor := speedExampleFloor
			if f, ok := speedExamples[fn.Name]; ok {
				floor = f
			}
			for wait := 10 * enough; rate < floor*share && wait <= 100*enough && wait <= time.Second; wait *= 10 {
				if again, err := speed(call, cols, wait); err == nil {
					rate = max(rate, again)
				}
			}
			lines = append(lines, line{fn.Name + ": " + ex.SQL, rate})
			if rate < floor*share {
				t.Errorf("%s: %s: %.1f M rows/s, below %.1f", fn.Name, ex.SQL, rate/1e6, floor*share/1e6)
			}
		}
		if !timed {
			t.Errorf("%s: no example could be timed", fn.Name)
		}
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].rate < lines[j].rate })
	if *speedList {
		for _, l := range lines {
			fmt.Printf("%8.1f M rows/s  %s\n", l.rate/1e6, l.sql)
		}
	}
	t.Logf("%d examples, the slowest %s with %.1f M rows/s", len(lines), lines[0].sql, lines[0].rate/1e6)
}
