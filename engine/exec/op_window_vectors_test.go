package exec

import (
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/types"
)

const minute = int64(60_000)

// ts3 is the type of a time column of windows.
var ts3 = types.TimestampT(3).Nullable(false)

// sumByWindow sums column 1 of (ts, v) by window and shows its bounds.
func sumByWindow(w WindowSpec) WindowAggConfig {
	return WindowAggConfig{
		Input: []types.Type{ts3, types.IntT}, Window: w, StartCol: -1, EndCol: -1,
		Aggs:  []AggSpec{{Func: "SUM", Args: []int{1}, Filter: -1, Result: types.IntT}},
		Props: []WindowProp{PropStart, PropEnd}, PropTypes: []types.Type{ts3, ts3},
	}
}

func runWindow(t *testing.T, cfg WindowAggConfig, zone *time.Location, lines ...string) (*Bench, []string) {
	t.Helper()
	h := NewBench(NewWindowAggregate(cfg))
	if zone != nil {
		h.C.Zone = zone
	}
	h.Open()
	h.Rows(0, cfg.Input, lines...)
	h.End()
	return h, h.Take()
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestWindowVectors runs the worked vectors V12 to V14 and V16 of windows.
func TestWindowVectors(t *testing.T) {
	t.Run("V12 offset", func(t *testing.T) {
		_, got := runWindow(t, sumByWindow(WindowSpec{Kind: TumbleWindow, Size: 10 * minute, Offset: -4 * minute}), nil,
			"[1970-01-01 00:00:04, 1]")
		wantLines(t, got, "+I[1, 1969-12-31 23:56:00.000, 1970-01-01 00:06:00.000]")
	})
	t.Run("V13 HOP", func(t *testing.T) {
		_, got := runWindow(t, sumByWindow(WindowSpec{Kind: HopWindow, Size: 10 * minute, Slide: 5 * minute}), nil, "[08:05, 1]")
		wantLines(t, got, "+I[1, 1970-01-01 08:00:00.000, 1970-01-01 08:10:00.000]",
			"+I[1, 1970-01-01 08:05:00.000, 1970-01-01 08:15:00.000]")
	})
	t.Run("V14 CUMULATE", func(t *testing.T) {
		_, got := runWindow(t, sumByWindow(WindowSpec{Kind: CumulateWindow, Size: 10 * minute, Slide: 2 * minute}), nil,
			"[08:05, 4]", "[08:07, 2]", "[08:09, 5]")
		wantLines(t, got, "+I[4, 1970-01-01 08:00:00.000, 1970-01-01 08:06:00.000]",
			"+I[6, 1970-01-01 08:00:00.000, 1970-01-01 08:08:00.000]",
			"+I[11, 1970-01-01 08:00:00.000, 1970-01-01 08:10:00.000]")
	})
	t.Run("V16 late TUMBLE", func(t *testing.T) {
		h, got := runWindow(t, sumByWindow(WindowSpec{Kind: TumbleWindow, Size: 5000}), nil,
			"[00:00:08, 1]", "wm 7000", "[00:00:04, 2]")
		wantLines(t, got, "+I[1, 1970-01-01 00:00:05.000, 1970-01-01 00:00:10.000]")
		if h.LateRows() != 1 {
			t.Errorf("%d late rows, want 1", h.LateRows())
		}
	})
	t.Run("V16 partly late HOP", func(t *testing.T) {
		h, got := runWindow(t, sumByWindow(WindowSpec{Kind: HopWindow, Size: 10_000, Slide: 5000}), nil,
			"[00:00:08, 1]", "wm 7000", "[00:00:04, 2]")
		wantLines(t, got, "+I[3, 1970-01-01 00:00:00.000, 1970-01-01 00:00:10.000]",
			"+I[1, 1970-01-01 00:00:05.000, 1970-01-01 00:00:15.000]")
		if h.LateRows() != 0 {
			t.Errorf("%d late rows, want 0", h.LateRows())
		}
	})
}

// TestWindowZone runs vector V17: a day that the clock jumps over an hour of.
func TestWindowZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	cfg := sumByWindow(WindowSpec{Kind: TumbleWindow, Size: 24 * 60 * minute, Local: true})
	cfg.Input[0] = types.TimestampLTZT(3).Nullable(false)
	cfg.Props = append(cfg.Props, PropRowtime)
	cfg.PropTypes = append(cfg.PropTypes, cfg.Input[0])
	rows := []string{"[2021-03-27 22:59:59.999, 1]", "[2021-03-27 23:00:00, 2]", "[2021-03-28 21:59:59.999, 4]", "[2021-03-28 22:00:00, 8]"}
	_, got := runWindow(t, cfg, berlin, rows...)
	wantLines(t, got,
		"+I[1, 2021-03-27 00:00:00.000, 2021-03-28 00:00:00.000, 2021-03-27 22:59:59.999]",
		"+I[6, 2021-03-28 00:00:00.000, 2021-03-29 00:00:00.000, 2021-03-28 21:59:59.999]",
		"+I[8, 2021-03-29 00:00:00.000, 2021-03-30 00:00:00.000, 2021-03-29 21:59:59.999]")
	_, got = runWindow(t, cfg, time.UTC, rows...)
	wantLines(t, got,
		"+I[3, 2021-03-27 00:00:00.000, 2021-03-28 00:00:00.000, 2021-03-27 23:59:59.999]",
		"+I[12, 2021-03-28 00:00:00.000, 2021-03-29 00:00:00.000, 2021-03-28 23:59:59.999]")
}

// TestWallClock compares conversions with those of package time around changes of
// the clock.
func TestWallClock(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		w := newWallClock(zone, true)
		shown := map[int64]int64{} // wall-clock time to the last moment that shows it
		from := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
		for d := time.Duration(0); d < 366*24*time.Hour; d += 15 * time.Minute {
			at := from.Add(d)
			l := at.In(zone)
			wall := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC).UnixMilli()
			if got := w.wall(at.UnixMilli()); got != wall {
				t.Fatalf("%s: wall clock at %v is %d, want %d", name, at, got, wall)
			}
			shown[wall] = at.UnixMilli()
		}
		last := int64(0)
		for d := 48 * time.Hour; d < 360*24*time.Hour; d += 15 * time.Minute {
			wall := from.Add(d).UnixMilli()
			got := w.moment(wall)
			if want, ok := shown[wall]; ok && got != want {
				t.Fatalf("%s: moment of %v is %d, want %d", name, from.Add(d), got, want)
			} else if !ok && (w.wall(got) <= wall || w.wall(got-1) > wall) {
				t.Fatalf("%s: %v is skipped; %d is not the moment of that", name, from.Add(d), got)
			}
			if got < last {
				t.Fatalf("%s: moments go back at %v", name, from.Add(d))
			}
			last = got
		}
	}
}
