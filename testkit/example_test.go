package testkit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/testkit"
	"github.com/minkstream/mink/testkit/cassette"
)

const revenue = `
CREATE TABLE orders (
  event_time TIMESTAMP(3), id INT, sku STRING, amt DECIMAL(10, 2),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH ('connector' = 'kafka', 'topic' = 'orders', 'format' = 'json');
CREATE TABLE revenue (sku STRING, window_start TIMESTAMP(3), total DECIMAL(38, 2))
WITH ('connector' = 'kafka', 'topic' = 'revenue', 'format' = 'json');
INSERT INTO revenue
SELECT sku, window_start, SUM(amt) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
GROUP BY sku, window_start, window_end;`

func Example() {
	t := testkit.NewPrinter(os.Stdout) // in a test: its *testing.T
	defer t.Close()
	job := testkit.OpenSQL(t, revenue)
	job.Given("orders", testkit.Columns("event_time", "sku", "amt"),
		testkit.Row{"11:54:01", "A-17", "10.00"},
		testkit.Row{"11:54:30", "A-17", 2.5})
	job.Watermark("orders", "11:55:00")
	job.Given("orders", testkit.Columns("event_time", "sku", "amt"),
		testkit.Row{"11:54:59", "A-17", 99}) // too late
	job.ExpectTable("revenue", testkit.Row{"A-17", "11:54:00", 12.5})
	job.ExpectLate("orders", 1)
	job.Check()
	fmt.Println(job.Changes("revenue"))
	// Output:
	// [+I | A-17 | 11:54:00 | 12.50]
}

// What is not as it should be is told row by row.
func ExampleJob_ExpectTable() {
	t := testkit.NewPrinter(os.Stdout)
	defer t.Close()
	job := testkit.OpenSQL(t, revenue)
	job.Given("orders", testkit.Row{"11:54:01", 1, "A-17", "10.00"}, testkit.Row{"11:54:02", 2, "B-02", "8.00"}).End()
	job.ExpectTable("revenue", testkit.Columns("sku", "total"), testkit.Row{"A-17", "10.00"}, testkit.Row{"B-02", "9.00"})
	// Output:
	// revenue does not hold what it should
	//     sku | total
	//     A-17 | 10.00
	//   - B-02 | 9.00
	//   + B-02 | 8.00
}

// A job that was killed goes on as if nothing had happened.
func ExampleJob_Kill() {
	t := testkit.NewPrinter(os.Stdout)
	defer t.Close()
	job := testkit.OpenSQL(t, `
		CREATE TABLE clicks (page STRING) WITH ('connector' = 'kafka', 'format' = 'json');
		SELECT page, COUNT(*) AS n FROM clicks GROUP BY page;`)
	job.Given("clicks", testkit.Row{"/"}, testkit.Row{"/about"}).Checkpoint()
	job.Given("clicks", testkit.Row{"/"}).Kill()
	job.Given("clicks", testkit.Row{"/"}).Restore(3)
	job.Given("clicks", testkit.Row{"/"})
	for _, row := range job.Table("") {
		fmt.Println(row)
	}
	// Output:
	// +I | / | 4
	// +I | /about | 1
}

// The clock stands still until the test moves it.
func ExampleJob_Advance() {
	t := testkit.NewPrinter(os.Stdout)
	defer t.Close()
	job := testkit.OpenSQL(t, `
		CREATE TABLE clicks (page STRING, seen AS PROCTIME()) WITH ('connector' = 'kafka', 'format' = 'json');
		SELECT window_start, COUNT(*) AS n
		FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(seen), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;`,
		testkit.Start(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)))
	job.Given("clicks", testkit.Row{"/"}, testkit.Row{"/"})
	job.Advance(59 * time.Second).ExpectTable("")
	job.Advance(time.Second).ExpectTable("", testkit.Row{"12:00:00", 2})
	fmt.Println(job.Now().Format(time.TimeOnly), job.Table(""))
	// Output:
	// 12:01:00 [+I | 12:00:00 | 2]
}

// A property is a query that must return no row.
func ExampleJob_ExpectNoRows() {
	t := testkit.NewPrinter(os.Stdout)
	defer t.Close()
	job := testkit.OpenSQL(t, revenue)
	job.Given("orders", testkit.Row{"11:54:01", 1, "A-17", "-3.00"}).End()
	job.ExpectNoRows("SELECT sku, total FROM revenue WHERE total < 0")
	// Output:
	// the property does not hold: the query returns rows
	//     sku | total
	//   + A-17 | -3.00
}

// A test is debugged where it is: why a row is not there, and what the state was behind any
// record.
func ExampleJob_Debug() {
	t := testkit.NewPrinter(os.Stdout)
	defer t.Close()
	ctx := context.Background()
	job := testkit.OpenSQL(t, revenue)
	job.Given("orders", testkit.Row{"11:54:01", 1, "A-17", "10.00"}, testkit.Row{"11:55:10", 2, "B-02", "8.00"},
		testkit.Row{"11:54:59", 3, "C-11", "99.00"}).End()
	d := job.Debug()
	found, err := d.WhyNot(ctx, "revenue", "sku = 'C-11'")
	if err != nil {
		t.Fatalf("%v", err)
	}
	fmt.Println(found[0].Code, "at", found[0].Operator)
	at, err := debugger.ParseTarget("wm=11:55:05")
	if err == nil {
		_, err = d.Seek(ctx, at)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	tables, err := d.State("WindowAggregate", "", 10)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, table := range tables {
		if table.Name == "panes" {
			fmt.Println("panes:", table.Entries)
		}
	}
	// Output:
	// late at WindowAggregate[4]
	// panes: 1
}

// What a job asks the outside stands in a file: here the answers of a model that nobody has.
func ExampleCassette() {
	t := testkit.NewPrinter(os.Stdout)
	defer t.Close()
	dir, err := os.MkdirTemp("", "cassette")
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	file := filepath.Join(dir, "mood.cassette")
	if err := os.WriteFile(file, []byte(`
model mood
  {"text":"fine"}
    {"label":"positive"}
`), 0o666); err != nil {
		t.Fatalf("%v", err)
	}
	job := testkit.OpenSQL(t, `
		CREATE TABLE said (text STRING) WITH ('connector' = 'kafka', 'format' = 'json');
		CREATE MODEL mood INPUT (text STRING) OUTPUT (label STRING) WITH ('provider' = 'openai', 'endpoint' = 'https://e', 'api-key' = 'k', 'model' = 'x');
		SELECT text, label FROM ML_PREDICT(TABLE said, MODEL mood, DESCRIPTOR(text));`,
		testkit.Cassette(file, cassette.Replay))
	job.Given("said", testkit.Row{"fine"}).ExpectTable("", testkit.Row{"fine", "positive"}).Check()
	fmt.Println(job.Table(""))
	// Output:
	// [+I | fine | positive]
}
