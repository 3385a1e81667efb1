package exec

import (
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// counted counts the rows of a key; with timers it also sets one for each row.
type counted struct{ timers bool }

func (p counted) Eval(c function.ProcessContext, in function.ProcessRows) error {
	n := c.Value(0)
	for _, l := range in.Lanes {
		n.SetInt(n.Int() + 1)
		if p.timers {
			c.SetNamed("idle", in.Times[l]+1000)
		}
		c.Row(int(l), batch.Insert, n.Int())
	}
	return nil
}

func (p counted) OnTimer(c function.ProcessContext, t function.ProcessTimer) error {
	c.Row(function.NoRow, batch.Insert, c.Value(0).Int())
	return nil
}

// BenchmarkProcess measures a process table function of 1000 keys whose input has a
// watermark behind each row.
func BenchmarkProcess(b *testing.B) {
	for _, c := range []struct {
		name                 string
		onTime, timers, sort bool
	}{{"plain", false, false, false}, {"on time", true, false, false}, {"order by", false, false, true}, {"timers", true, true, false}, {"timers and order by", true, true, true}} {
		b.Run(c.name, func(b *testing.B) {
			cfg := ProcessConfig{
				Input: processInput, Tag: -1, Keys: []int{0}, Set: true, Tables: []ProcessTable{{Cols: []int{0, 1, 2}}}, Time: -1, Front: []int{0},
				Own: []types.Type{types.BigIntT}, State: []function.ProcessState{{Name: "n", Type: types.BigIntT}}, Timers: c.timers,
				Make: func() function.Processor { return counted{c.timers} },
			}
			if c.onTime {
				cfg.Time = 1
			}
			if c.sort {
				cfg.Tables[0].OrderBy = []OrderKey{{Col: 1}}
			}
			rows := 0
			bench := NewBench(NewProcess(cfg))
			bench.OnEmit = func(b *batch.Batch) error { rows += b.Rows(); return nil }
			bench.Open()
			ts := int64(0)
			var in batch.Batch
			b.ResetTimer()
			for b.Loop() {
				in.Alloc(processInput, batch.MaxRows)
				in.Marks = in.Marks[:0]
				for i := range batch.MaxRows {
					ts++
					in.Cols[0].I32[i], in.Cols[1].I64[i], in.Cols[2].I64[i] = int32(ts*7919%1000), ts, ts
					in.AddMark(i+1, ts-100)
				}
				bench.Push(0, &in)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch.MaxRows, "ns/row")
			if rows < b.N*batch.MaxRows-1000 {
				b.Fatalf("%d rows came of %d", rows, b.N*batch.MaxRows)
			}
		})
	}
}
