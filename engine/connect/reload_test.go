package connect

import (
	"testing"
	"time"
)

// TestReload: the times at which a table is read again, worked out by hand from a first
// load on 2024-03-01 at 09:00 UTC.
func TestReload(t *testing.T) {
	const layout = "2006-01-02 15:04:05"
	tokyo := time.FixedZone("Asia/Tokyo", 9*3600)
	at := func(s string) int64 {
		x, err := time.Parse(layout, s)
		if err != nil {
			t.Fatal(err)
		}
		return x.UnixMilli()
	}
	timed := func(s string) Options {
		return Options{"lookup.full-cache.reload-strategy": "TIMED", "lookup.full-cache.timed-reload.iso-time": s}
	}
	for _, c := range []struct {
		o           Options
		zone        *time.Location
		first, then string // the second load is late by 30 hours
	}{
		{Options{}, time.UTC, "", ""},
		{Options{"lookup.full-cache.periodic-reload.interval": "2 h"}, time.UTC, "2024-03-01 11:00:00", "2024-03-02 19:00:00"},
		{timed("10:15"), time.UTC, "2024-03-01 10:15:00", "2024-03-03 10:15:00"},
		{timed("08:00:30"), time.UTC, "2024-03-02 08:00:30", "2024-03-04 08:00:30"},
		{timed("10:15"), tokyo, "2024-03-02 01:15:00", "2024-03-04 01:15:00"},
		{timed("10:15Z"), tokyo, "2024-03-01 10:15:00", "2024-03-03 10:15:00"},
		{timed("10:15+07:00"), time.UTC, "2024-03-02 03:15:00", "2024-03-04 03:15:00"},
		{timed("09:00"), time.UTC, "2024-03-02 09:00:00", "2024-03-04 09:00:00"},
		{func() Options {
			o := timed("10:00")
			o["lookup.full-cache.timed-reload.interval-in-days"] = "7"
			return o
		}(), time.UTC, "2024-03-01 10:00:00", "2024-03-08 10:00:00"},
	} {
		r, err := ParseReload(c.o)
		if err != nil {
			t.Fatal(c.o, err)
		}
		show := func(ms int64) string {
			if ms == 0 {
				return ""
			}
			return time.UnixMilli(ms).UTC().Format(layout)
		}
		due := r.Next(0, at("2024-03-01 09:00:00"), c.zone)
		if show(due) != c.first {
			t.Errorf("%v in %s: %q, want %q", c.o, c.zone, show(due), c.first)
			continue
		}
		late := due + (30 * time.Hour).Milliseconds()
		if got := show(r.Next(due, late, c.zone)); due != 0 && got != c.then {
			t.Errorf("%v in %s, then: %q, want %q", c.o, c.zone, got, c.then)
		}
	}
	for _, o := range []Options{
		{"lookup.full-cache.reload-strategy": "TIMED"}, timed("25:00"), timed("noon"),
		{"lookup.full-cache.reload-strategy": "TIMED", "lookup.full-cache.timed-reload.iso-time": "10:00", "lookup.full-cache.timed-reload.interval-in-days": "0"},
	} {
		if _, err := ParseReload(o); err == nil {
			t.Errorf("%v is taken", o)
		}
	}
}
