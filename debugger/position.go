package debugger

import (
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
)

// Position names a moment: flow.Position, which is between two steps, or with a Record
// within one: 40:1284.7 is behind the seventh record that the step took.
type Position struct {
	flow.Position
	Record int
}

// String gives the written form.
func (p Position) String() string {
	text := p.Position.String()
	if p.Record > 0 {
		text += "." + strconv.Itoa(p.Record)
	}
	return text
}

// MarshalText is String.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Target is a place to go to. Exactly one of its forms is set.
type Target struct {
	// Start and End of the tape.
	Start, End bool
	// At is a position.
	At *Position
	// Time is one of the recording in milliseconds: the first step at or behind it.
	Time *int64
	// Watermark is the first step with which that of the job's last operators is there.
	Watermark *int64
	// Daily: Time or Watermark counts from the midnight before the first that there is.
	Daily bool
	// Record number Nth (from 1) of split Split of table Source.
	Source string
	Split  int
	Nth    int64
	// Row number Nth (from 1) that reached the sink named Output.
	Output string

	text string
}

// AtStart and AtEnd are the ends of a tape.
var (
	AtStart = Target{Start: true, text: "start"}
	AtEnd   = Target{End: true, text: "end"}
)

// String is the target as it was written.
func (t Target) String() string { return t.text }

// ParseTarget reads a target: start, end, 40:1284, @11:54:52, wm=11:55, orders/1@70411,
// out=revenue#61. Times without a date are on the first day of the tape. It fails with
// config.
func ParseTarget(text string) (Target, error) {
	bad := diag.New(diag.Config, "%q is no position", text).
		WithHint("CHECKPOINT:STEP such as 40:1284, start, end, @11:54:52 (time), wm=11:55 (watermark), orders/1@7041 (record of a split) or out=revenue#61 (row of an output)")
	t := Target{text: text}
	number := func(s string) bool {
		var err error
		t.Nth, err = strconv.ParseInt(s, 10, 64)
		return err == nil && t.Nth > 0
	}
	switch {
	case text == "start":
		t.Start = true
	case text == "end":
		t.End = true
	case strings.HasPrefix(text, "@"):
		ms, daily, ok := parseTime(text[1:])
		if !ok {
			return t, bad
		}
		t.Time, t.Daily = &ms, daily
	case strings.HasPrefix(text, "wm="):
		ms, daily, ok := parseTime(text[3:])
		if !ok {
			return t, bad
		}
		t.Watermark, t.Daily = &ms, daily
	case strings.HasPrefix(text, "out="):
		name, n, ok := strings.Cut(text[4:], "#")
		if t.Output = name; !ok || name == "" || !number(n) {
			return t, bad
		}
	case strings.Contains(text, "@"):
		from, n, _ := strings.Cut(text, "@")
		name, split, some := strings.Cut(from, "/")
		if t.Source = name; some {
			k, err := strconv.Atoi(split)
			if t.Split = k; err != nil || k < 0 {
				return t, bad
			}
		}
		if name == "" || !number(n) {
			return t, bad
		}
	default:
		p, ok := parsePosition(text)
		if !ok {
			return t, bad
		}
		t.At = &p
	}
	return t, nil
}

func parsePosition(text string) (p Position, ok bool) {
	whole, record, within := strings.Cut(text, ".")
	var err error
	if within {
		p.Record, err = strconv.Atoi(record)
		if err != nil || p.Record < 1 {
			return p, false
		}
	}
	p.Position, err = flow.ParsePosition(whole)
	return p, err == nil
}

var timeLayouts = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "15:04:05", "15:04"}

// parseTime reads a time, in milliseconds since 1970, or without a date since midnight.
func parseTime(text string) (ms int64, daily, ok bool) {
	text = strings.TrimSuffix(text, "Z")
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			if t.Year() == 0 {
				return t.UnixMilli() - time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), true, true
			}
			return t.UnixMilli(), false, true
		}
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return ms, false, err == nil
}

const dayMS = 24 * 60 * 60 * 1000

// due makes a test of whether a time is at or behind one that was asked for.
func (t Target) due(want int64) func(have int64) bool {
	first := true
	return func(have int64) bool {
		if first && t.Daily {
			want += have - (have%dayMS+dayMS)%dayMS
		}
		first = false
		return have >= want
	}
}

// ClockText is a watermark or another time of events, in milliseconds, for people.
func ClockText(ms int64) string {
	switch ms {
	case batch.NoWatermark:
		return "(none yet)"
	case batch.MaxWatermark:
		return "(end of the input)"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000")
}
