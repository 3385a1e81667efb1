package debugger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/env"
)

// The lineage of a sum is the rows of its key and window, without the one that was late.
func TestWhy(t *testing.T) {
	j := revenue(t)
	check := func(l *debugger.Lineage, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var origins []string
		reason := ""
		for l != nil {
			origins = nil
			for _, r := range l.Rows {
				origins = append(origins, r.Origin)
			}
			reason += l.Reason
			if len(l.From) == 0 {
				break
			}
			l = l.From[0]
		}
		if want := []string{"orders/0@1", "orders/0@3", "orders/0@5"}; !slices.Equal(origins, want) {
			t.Errorf("it is made of %q, wanted %q", origins, want)
		}
		// Order 6, at 11:55:10, brings the watermark to 11:55:05.
		if !strings.Contains(reason, "orders/0@6 moved it to 2026-08-22 11:55:05.000") {
			t.Errorf("it came out because %q", reason)
		}
	}
	check(j.Why(ctx, "revenue", "sku = 'A-17'"))
	check(j.WhyRow(ctx, "revenue", 1))
	if _, err := j.Why(ctx, "revenue", "sku = 'C-09'"); err == nil || !strings.Contains(err.Error(), "has no row") {
		t.Errorf("of a row that is not there: %v", err)
	}
}

// missing is a case whose cause is known because it was made so.
type missing struct {
	files      map[string]string
	statements []string
	output     string
	where      string
	want       debugger.Code
	at         string // where to stand; "" is the end
	settings   map[string]string
	// batches to go on for, where that is more than one.
	batches int
	// rushed: a second at least goes by from step to step.
	rushed bool
}

// rushing is a clock on which each reading takes a second.
type rushing struct {
	env.Clock
	readings atomic.Int64
}

func (c *rushing) Now() int64 { return c.Clock.Now() + c.readings.Load()*1000 }

func (c *rushing) Mono() int64 { return c.Clock.Mono() + c.readings.Add(1)*int64(time.Second) }

func (c *rushing) At(mono int64, f func()) func() {
	return c.Clock.At(mono-c.readings.Load()*int64(time.Second), f)
}

const ordersUpsert = `CREATE TABLE orders (id BIGINT, sku STRING, amt INT, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector'='filesystem','path'='/in/orders.json','format'='changelog-json', 'changelog-json.changelog-mode'='I,UB,UA,D')`

func (c *missing) sink(columns string) *missing {
	c.statements = append(c.statements, "CREATE TABLE sink ("+columns+") WITH ('connector'='blackhole')")
	c.output = "sink"
	return c
}

func (c *missing) insert(query string) *missing {
	c.statements = append(c.statements, "INSERT INTO sink "+query)
	return c
}

// noise is a list of orders of other articles, in order of time from 10:00:00, about a
// second apart.
func noise(rng *rand.Rand, n int) []order {
	var out []order
	at := 0
	for i := range n {
		at += 1 + rng.IntN(2)
		out = append(out, order{100 + i, fmt.Sprintf("N-%02d", rng.IntN(6)), 100 + rng.IntN(5000), second(at)})
	}
	return out
}

func second(n int) string { return fmt.Sprintf("%02d:%02d:%02d", 10+n/3600, n/60%60, n%60) }

func with(list []order, at int, o order) []order { return slices.Insert(slices.Clone(list), at, o) }

func start(list []order) *missing {
	return &missing{files: map[string]string{"/in/orders.csv": ordersCSV(list)}, statements: []string{ordersDDL}}
}

const tumble = "SELECT sku, window_start, SUM(amt) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY sku, window_start, window_end"

// makers make a case of each code.
var makers = map[debugger.Code]func(rng *rand.Rand) *missing{
	debugger.Present: func(rng *rand.Rand) *missing {
		list := noise(rng, 5+rng.IntN(40))
		k := rng.IntN(len(list))
		c := start(with(list, k, order{1, "X", 500, list[k].at})).sink("id BIGINT, sku STRING").insert("SELECT id, sku FROM orders")
		c.where = "sku = 'X'"
		return c
	},
	debugger.NeverCame: func(rng *rand.Rand) *missing {
		c := start(noise(rng, 5+rng.IntN(40))).sink("sku STRING, n BIGINT").insert("SELECT sku, COUNT(*) FROM orders WHERE amt > 0 GROUP BY sku")
		c.where = "sku = 'X'"
		return c
	},
	debugger.Filtered: func(rng *rand.Rand) *missing {
		list := noise(rng, 5+rng.IntN(40))
		k := rng.IntN(len(list))
		c := start(with(list, k, order{1, "X", 50, list[k].at})).sink("sku STRING, n BIGINT").insert("SELECT sku, COUNT(*) FROM orders WHERE amt > 0.6 GROUP BY sku")
		c.where = "sku = 'X'"
		return c
	},
	debugger.Late: func(rng *rand.Rand) *missing {
		list := noise(rng, 140+rng.IntN(40)) // more than two minutes
		c := start(append(list, order{1, "X", 500, second(rng.IntN(50))})).sink("sku STRING, w TIMESTAMP(3), amt DECIMAL(38, 2)").insert(tumble)
		c.where = "sku = 'X'"
		return c
	},
	debugger.WindowOpen: func(rng *rand.Rand) *missing {
		list := noise(rng, 20+rng.IntN(10))
		k := rng.IntN(len(list))
		c := start(with(list, k, order{1, "X", 500, list[k].at})).sink("sku STRING, w TIMESTAMP(3), amt DECIMAL(38, 2)").insert(tumble)
		c.where, c.at = "sku = 'X'", "batch of WindowAggregate"
		return c
	},
	debugger.NoPartner: func(rng *rand.Rand) *missing {
		list := noise(rng, 5+rng.IntN(40))
		k := rng.IntN(len(list))
		c := start(with(list, k, order{1, "X", 500, list[k].at}))
		c.files["/in/skus.csv"] = "N-00,a\nN-01,b\nN-02,c\n"
		c.statements = append(c.statements, "CREATE TABLE skus (sku STRING, name STRING) WITH ('connector'='filesystem','path'='/in/skus.csv','format'='csv')")
		c.sink("id BIGINT, name STRING").insert("SELECT o.id, s.name FROM orders o JOIN skus s ON o.sku = s.sku")
		c.where = "id = 1"
		return c
	},
	debugger.Deduplicated: func(rng *rand.Rand) *missing {
		list := noise(rng, 5+rng.IntN(40))
		k := 1 + rng.IntN(len(list)-1)
		o := list[rng.IntN(k)]
		c := start(with(list, k, order{1, o.sku, 500, list[k].at})).sink("id BIGINT, sku STRING").
			insert("SELECT id, sku FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY sku ORDER BY ts) AS n FROM orders) WHERE n = 1")
		c.where = "id = 1"
		return c
	},
	debugger.Evicted: func(rng *rand.Rand) *missing {
		list := noise(rng, 12+rng.IntN(40))
		k := rng.IntN(len(list))
		c := start(with(list, k, order{1, "N-00", 1, list[k].at})).sink("id BIGINT, amt DECIMAL(9, 2)").
			insert("SELECT id, amt FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY amt DESC) AS n FROM orders) WHERE n <= 3")
		c.where = "id = 1"
		return c
	},
	debugger.Retracted: func(rng *rand.Rand) *missing {
		var lines []string
		for i := range 10 + rng.IntN(10) {
			lines = append(lines, fmt.Sprintf(`{"op":"+I","row":{"id":%d,"sku":"N","amt":%d}}`, 10+i, rng.IntN(100)))
		}
		row := `"row":{"id":1,"sku":"X","amt":5}}`
		at := rng.IntN(len(lines))
		lines = slices.Insert(lines, at, `{"op":"+I",`+row)
		lines = slices.Insert(lines, at+1+rng.IntN(len(lines)-at), `{"op":"-D",`+row)
		c := &missing{files: map[string]string{"/in/orders.json": strings.Join(lines, "\n") + "\n"}, statements: []string{ordersUpsert}}
		c.sink("id BIGINT, sku STRING, PRIMARY KEY (id) NOT ENFORCED").insert("SELECT id, sku FROM orders")
		c.where = "sku = 'X'"
		return c
	},
	debugger.Limited: func(rng *rand.Rand) *missing {
		list := noise(rng, 10+rng.IntN(40))
		k := 5 + rng.IntN(len(list)-5)
		c := start(with(list, k, order{1, "X", 500, list[k].at})).sink("id BIGINT, sku STRING").insert("SELECT id, sku FROM orders LIMIT 5")
		c.where = "id = 1"
		return c
	},
	debugger.DifferentValue: func(rng *rand.Rand) *missing {
		list := noise(rng, 5+rng.IntN(40))
		k := rng.IntN(len(list))
		n := 1 + rng.IntN(3)
		for range n {
			list = with(list, k, order{1, "X", 500, list[k].at})
		}
		c := start(list).sink("sku STRING, n BIGINT, PRIMARY KEY (sku) NOT ENFORCED").insert("SELECT sku, COUNT(*) FROM orders GROUP BY sku")
		c.where = fmt.Sprintf("sku = 'X' AND n = %d", n+1+rng.IntN(3))
		return c
	},
}

// variants of causes that come about in several ways.
var variants = map[debugger.Code][]func(rng *rand.Rand) *missing{
	// The row of X is forgotten before that of another kind, which it should meet, comes.
	debugger.Expired: {
		func(rng *rand.Rand) *missing {
			list := noise(rng, 60+rng.IntN(20)) // amounts from 1.00 on
			k := rng.IntN(10)
			list = with(list, k, order{1, "X", 20, list[k].at})
			k += 45 + rng.IntN(10)
			c := start(with(list, k, order{2, "X", 50, list[k].at})).sink("id BIGINT, other BIGINT").
				insert("SELECT a.id, b.id FROM (SELECT * FROM orders WHERE amt <> 0.5) a JOIN (SELECT * FROM orders WHERE amt <> 0.2) b ON a.sku = b.sku AND a.amt < b.amt")
			c.where, c.rushed = "id = 1", true
			c.settings = map[string]string{"table.exec.state.ttl": "20 s", "mink.exec.batch-rows": "1"}
			return c
		},
		func(rng *rand.Rand) *missing {
			list := noise(rng, 60+rng.IntN(20))
			k := rng.IntN(10)
			list = with(list, k, order{1, "X", 20, list[k].at})
			k += 45 + rng.IntN(10)
			c := start(with(list, k, order{2, "X", 50, list[k].at})).sink("sku STRING, n BIGINT, PRIMARY KEY (sku) NOT ENFORCED").insert("SELECT sku, COUNT(*) FROM orders GROUP BY sku")
			c.where, c.rushed = "sku = 'X' AND n = 2", true
			c.settings = map[string]string{"table.exec.state.ttl": "20 s", "mink.exec.batch-rows": "1"}
			return c
		},
	},
	// The newest row waits until the watermark, which is 5 s behind it, comes there.
	debugger.Waiting: {
		func(rng *rand.Rand) *missing {
			c := newest(rng).sink("id BIGINT, amt DECIMAL(38, 2)").insert("SELECT id, SUM(amt) OVER (PARTITION BY sku ORDER BY ts) FROM orders")
			c.where, c.at = "id = 1", "batch"
			return c
		},
		func(rng *rand.Rand) *missing {
			c := newest(rng).sink("id BIGINT, sku STRING").insert("SELECT id, sku FROM (SELECT id, sku, ts FROM orders ORDER BY ts)")
			c.where, c.at = "id = 1", "batch"
			return c
		},
	},
	// The window of X has fired, or its row has come out, with another sum.
	debugger.DifferentValue: {
		func(rng *rand.Rand) *missing {
			list := noise(rng, 140+rng.IntN(40)) // more than two minutes
			k := rng.IntN(30)
			c := start(with(list, k, order{1, "X", 500, list[k].at})).sink("sku STRING, w TIMESTAMP(3), amt DECIMAL(38, 2)").insert(tumble)
			c.where = "sku = 'X' AND amt = 5.01"
			if rng.IntN(2) == 0 {
				c.where += " AND w = TIMESTAMP '2026-08-22 10:00:00'"
			}
			return c
		},
		func(rng *rand.Rand) *missing {
			list := noise(rng, 5+rng.IntN(40))
			k := rng.IntN(len(list))
			c := start(with(list, k, order{1, "X", 500, list[k].at})).sink("id BIGINT, amt DECIMAL(38, 2)").insert("SELECT id, SUM(amt) OVER (PARTITION BY sku ORDER BY ts) FROM orders")
			c.where = "id = 1 AND amt = 5.01"
			return c
		},
	},
	// A row that a pattern may begin with, and that waits for the row which completes it.
	debugger.Held: {
		func(rng *rand.Rand) *missing {
			list := noise(rng, 5+rng.IntN(40))
			k := rng.IntN(len(list))
			c := start(with(list, k, order{1, "X", 500, list[k].at})).sink("sku STRING, a BIGINT, b BIGINT").
				insert("SELECT * FROM orders MATCH_RECOGNIZE (PARTITION BY sku ORDER BY ts MEASURES A.id AS a, B.id AS b PATTERN (A B) DEFINE B AS B.amt > A.amt) AS m")
			c.where = "sku = 'X'"
			return c
		},
	},
}

// windowed are variants of causes in windows of processing time and in joins of windows.
var windowed = map[debugger.Code][]func(rng *rand.Rand) *missing{
	// A day does not go by behind the batch with the row of X; or the window of a minute has both
	// rows and nothing behind it.
	debugger.WindowOpen: {
		func(rng *rand.Rand) *missing {
			c := joinedWindows(rng, 15, order{1, "X", 500, second(5)}, order{4, "Y", 500, second(9)}, "").asks("id = 1 AND other = 2")
			c.at, c.batches = "batch", 2
			return c
		},
		func(rng *rand.Rand) *missing {
			c := byClock(rng, clocked)
			c.at = "batch"
			return c
		},
		func(rng *rand.Rand) *missing {
			c := byClock(rng, "SELECT sku, amt FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY amt) AS n FROM "+daily+") WHERE n <= 3")
			c.at = "batch"
			return c
		},
		func(rng *rand.Rand) *missing {
			c := joinedWindows(rng, 15, order{1, "X", 500, second(5)}, order{2, "X", 500, second(9)}, "")
			c.at, c.batches = "batch", 2
			return c
		},
	},
	// The window has fired at the end of the input, as those of every time do.
	debugger.DifferentValue: {
		func(rng *rand.Rand) *missing {
			c := byClock(rng, clocked)
			c.where = "sku = 'X' AND amt = 5.01"
			return c
		},
	},
	debugger.Evicted: {
		func(rng *rand.Rand) *missing {
			return byClock(rng, "SELECT sku, amt FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY amt DESC) AS n FROM "+daily+") WHERE n <= 3")
		},
	},
	// Both sides have rows of X, in different windows or without what the condition asks for.
	// A row is asked for that the left side never had, whatever the right one has.
	debugger.NeverCame: {
		func(rng *rand.Rand) *missing {
			return joinedWindows(rng, 140, order{3, "Y", 500, second(20)}, order{4, "Y", 500, second(40)}, "").asks("id = 1")
		},
		func(rng *rand.Rand) *missing {
			return joinedTimes(rng, 140, order{3, "Y", 500, second(20)}, order{4, "Y", 500, second(40)}).asks("id = 1")
		},
	},
	// The left row of X came late, and there is no right one at all.
	debugger.Late: {
		func(rng *rand.Rand) *missing {
			return joinedWindows(rng, 140, order{3, "Y", 500, second(20)}, order{4, "Y", 500, second(40)}, "").
				behind(order{1, "X", 500, second(rng.IntN(50))}).asks("id = 1 AND other = 2")
		},
	},
	// The watermark has not come to where no row could be its partner any more.
	debugger.Waiting: {
		func(rng *rand.Rand) *missing {
			c := joinedTimes(rng, 15, order{1, "X", 500, second(5)}, order{4, "Y", 500, second(9)})
			c.at, c.batches = "batch", 2
			return c
		},
		func(rng *rand.Rand) *missing {
			c := joinedTimes(rng, 15, order{1, "X", 500, second(5)}, order{4, "Y", 500, second(9)}).asks("id = 1 AND other = 2")
			c.at, c.batches = "batch", 2
			return c
		},
	},
	// The source has given the rows and the aggregation has not taken them.
	debugger.Held: {
		func(rng *rand.Rand) *missing {
			list := noise(rng, 5+rng.IntN(40))
			k := rng.IntN(len(list))
			c := start(with(list, k, order{1, "X", 500, list[k].at})).sink("sku STRING, n BIGINT, PRIMARY KEY (sku) NOT ENFORCED").insert("SELECT sku, COUNT(*) FROM orders GROUP BY sku")
			c.where, c.at = "sku = 'X'", "poll"
			return c
		},
	},
	debugger.NoPartner: {
		// Late rows of the other side have other keys.
		func(rng *rand.Rand) *missing {
			return joinedWindows(rng, 140, order{1, "X", 500, second(5 + rng.IntN(40))}, order{2, "Y", 500, second(40)}, "").
				behind(order{5, "Z", 500, second(rng.IntN(50))})
		},
		func(rng *rand.Rand) *missing {
			return joinedTimes(rng, 140, order{1, "X", 500, second(rng.IntN(20))}, order{2, "Y", 500, second(40)}).
				behind(order{5, "Z", 500, second(rng.IntN(20))})
		},
		// The row of X, of the last minute but one, has no row of X beside it; or none within a
		// minute; or its version came when its time was over.
		func(rng *rand.Rand) *missing {
			return joinedWindows(rng, 140, order{1, "X", 500, second(5 + rng.IntN(40))}, order{2, "Y", 500, second(5 + rng.IntN(40))}, "")
		},
		func(rng *rand.Rand) *missing {
			return joinedTimes(rng, 140, order{1, "X", 500, second(rng.IntN(20))}, order{2, "X", 500, second(90 + rng.IntN(50))})
		},
		func(rng *rand.Rand) *missing {
			return versioned(rng, 140, order{1, "X", 500, second(rng.IntN(20))}, order{2, "X", 500, second(90 + rng.IntN(50))})
		},
		func(rng *rand.Rand) *missing {
			return joinedWindows(rng, 140, order{1, "X", 500, second(5 + rng.IntN(40))}, order{2, "X", 500, second(65 + rng.IntN(50))}, "")
		},
		func(rng *rand.Rand) *missing {
			return joinedWindows(rng, 140, order{1, "X", 500, second(5 + rng.IntN(40))}, order{2, "X", 400, second(5 + rng.IntN(40))}, " AND a.amt < b.amt")
		},
	},
}

const (
	clockDDL = `CREATE TABLE orders (id BIGINT, sku STRING, amt DECIMAL(9,2), ts TIMESTAMP(3), p AS PROCTIME())
WITH ('connector'='filesystem','path'='/in/orders.csv','format'='csv')`
	daily   = "TABLE(TUMBLE(TABLE orders, DESCRIPTOR(p), INTERVAL '1' DAY))"
	clocked = "SELECT sku, SUM(amt) FROM " + daily + " GROUP BY sku, window_start, window_end"
)

// byClock is a list of orders, one of X among the first, the smallest, in a table with processing time.
func byClock(rng *rand.Rand, query string) *missing {
	list := noise(rng, 10+rng.IntN(20))
	c := start(with(list, rng.IntN(5), order{1, "X", 20, second(1)}))
	c.statements = []string{clockDDL}
	c.where = "sku = 'X'"
	return c.sink("sku STRING, amt DECIMAL(38, 2)").insert(query)
}

// joinedWindows joins windows of a minute of orders and two more: the first is on the left alone, the other
// on the right.
func joinedWindows(rng *rand.Rand, n int, a, b order, more string) *missing {
	list := append(noise(rng, n), a, b)
	slices.SortStableFunc(list, func(x, y order) int { return strings.Compare(x.at, y.at) })
	side := "(SELECT * FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) WHERE id <> "
	c := start(list).sink("id BIGINT, other BIGINT").insert("SELECT a.id, b.id FROM " + side + "2) a JOIN " + side + "1) b ON a.window_start = b.window_start AND a.window_end = b.window_end AND a.sku = b.sku" + more)
	c.where = "id = 1"
	return c
}

// joinedTimes joins orders with others of their article within a minute; versioned gives each order the
// newest version of its article. The orders a and b are on one side each.
func joinedTimes(rng *rand.Rand, n int, a, b order) *missing {
	list := append(noise(rng, n), a, b)
	slices.SortStableFunc(list, func(x, y order) int { return strings.Compare(x.at, y.at) })
	c := start(list).sink("id BIGINT, other BIGINT").insert(
		"SELECT a.id, b.id FROM (SELECT * FROM orders WHERE id <> 2) a JOIN (SELECT * FROM orders WHERE id <> 1) b " +
			"ON a.sku = b.sku AND a.ts BETWEEN b.ts - INTERVAL '1' MINUTE AND b.ts + INTERVAL '1' MINUTE")
	c.where = "id = 1"
	return c
}

func versioned(rng *rand.Rand, n int, a, b order) *missing {
	list := append(noise(rng, n), a)
	slices.SortStableFunc(list, func(x, y order) int { return strings.Compare(x.at, y.at) })
	c := start(list)
	c.files["/in/skus.json"] = fmt.Sprintf(`{"op":"+I","row":{"sku":%q,"name":"x","vt":"2026-08-22 %s"}}`+"\n", b.sku, b.at)
	c.statements = append(c.statements, "CREATE TABLE skus (sku STRING, name STRING, vt TIMESTAMP(3), WATERMARK FOR vt AS vt, PRIMARY KEY (sku) NOT ENFORCED) "+
		"WITH ('connector'='filesystem','path'='/in/skus.json','format'='changelog-json','changelog-json.changelog-mode'='I,UB,UA,D')")
	c.sink("id BIGINT, name STRING").insert("SELECT o.id, s.name FROM orders o JOIN skus FOR SYSTEM_TIME AS OF o.ts AS s ON o.sku = s.sku")
	c.where = "id = 1"
	return c
}

// behind adds an order to the end of the list, whatever its time.
func (c *missing) behind(o order) *missing {
	c.files["/in/orders.csv"] += ordersCSV([]order{o})
	return c
}

func (c *missing) asks(where string) *missing {
	c.where = where
	return c
}

// newest is a list of orders whose last is of X.
func newest(rng *rand.Rand) *missing {
	list := noise(rng, 15+rng.IntN(30))
	at := list[len(list)-1].at
	return start(append(list, order{1, "X", 500, at}))
}

// Of a hundred generated cases why-not finds the cause that they were made with.
func TestWhyNot(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var codes []debugger.Code
	for c := range makers {
		codes = append(codes, c)
		variants[c] = append(variants[c], makers[c])
	}
	for c := range variants {
		if !slices.Contains(codes, c) {
			codes = append(codes, c)
		}
	}
	slices.Sort(codes)
	for c, list := range windowed {
		variants[c] = append(variants[c], list...)
	}
	for n := range 12 * len(codes) {
		code := codes[n%len(codes)]
		list := variants[code]
		c := list[n/len(codes)%len(list)](rng)
		c.want = code
		t.Run(fmt.Sprintf("%s-%d", code, n), func(t *testing.T) { c.check(t) })
	}
}

func (c *missing) check(t *testing.T) {
	clock := env.OS("").Clock
	if c.rushed {
		clock = &rushing{Clock: clock}
	}
	j := openAt(t, clock, c.files, nil, c.settings, c.statements...).Jobs[0]
	if c.at != "" {
		for {
			unit := debugger.ByBatch
			if c.at == "poll" {
				unit = debugger.ByStep
			}
			st, err := j.Step(ctx, unit, 1)
			if err != nil {
				t.Fatal(err)
			}
			if st.Why == "end" {
				t.Fatal("no task takes rows")
			}
			if st.Step.Event == c.at || c.at != "poll" && st.Step.Event == "batch" {
				if c.batches--; c.batches <= 0 {
					break
				}
			}
		}
	}
	list, err := j.WhyNot(ctx, c.output, c.where)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 || list[0].Code != c.want {
		t.Errorf("%s\nfinds %+v, wanted %s", c.statements[len(c.statements)-1], list, c.want)
	}
	for _, f := range list {
		if f.Text == "" || len(f.Evidence) == 0 {
			t.Errorf("%s has text %q and evidence %v", f.Code, f.Text, f.Evidence)
		}
	}
}
