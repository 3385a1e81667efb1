package harness

import (
	"testing"
)

// TestLateAfterCrash: a row that is late by the rows before it is late after a crash, too.
func TestLateAfterCrash(t *testing.T) {
	pass(t, &Case{
		Scripts: []Source{{Name: "revenue.sql", Text: revenue}},
		Steps: []Step{
			&Give{Table: "orders", Rows: []Row{row("11:55:10", "4", "A-17", "18.20"), row("11:54:40", "5", "A-17", "99.00"), row("11:56:01", "6", "B-02", "7.75")}},
			&End{},
			&ExpectTable{Sink: "revenue", Rows: []Row{row("A-17", "11:55:00", "18.20"), row("B-02", "11:56:00", "7.75")}},
			&ExpectLate{Table: "orders", Count: 1},
		},
	}, Plan{Schedules: 300, Faults: []string{"kill"}})
}
