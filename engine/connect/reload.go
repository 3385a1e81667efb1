package connect

import (
	"cmp"
	"strings"
	"time"
)

// Reload says when a table that is held in memory is read again, by the options of
// ReloadOptions. The zero value never does.
type Reload struct {
	// Every is the time between two loads.
	Every time.Duration
	// With Timed the first one comes when a clock in zone shows At, a time since
	// midnight, and Every is whole days.
	Timed bool
	At    time.Duration
	zone  *time.Location // nil: that of the session
}

// ReloadOptions are the options of tables that are held in memory.
func ReloadOptions() []Option {
	return []Option{
		{Key: "lookup.full-cache.reload-strategy", Type: Enum, Values: []string{"PERIODIC", "TIMED"}, Default: "PERIODIC", Doc: "When the table is read again: after an interval, or at a time of the day."},
		{Key: "lookup.full-cache.periodic-reload.interval", Type: Duration, Doc: "PERIODIC: how often the table is read again; never by default."},
		{Key: "lookup.full-cache.periodic-reload.schedule-mode", Type: Enum, Values: []string{"FIXED_DELAY", "FIXED_RATE"}, Default: "FIXED_DELAY", Doc: "PERIODIC: whether the interval runs from the end of a load or from its start, which is one moment to the job."},
		{Key: "lookup.full-cache.timed-reload.iso-time", Type: String, Doc: "TIMED: the time of the day, such as 10:15, which is in the session time zone, 10:15Z or 10:15+07:00."},
		{Key: "lookup.full-cache.timed-reload.interval-in-days", Type: Int, Default: "1", Doc: "TIMED: days between two loads."},
	}
}

// ParseReload reads those options.
func ParseReload(o Options) (Reload, error) {
	var r Reload
	strategy, err := o.Enum("lookup.full-cache.reload-strategy", "PERIODIC", "PERIODIC", "TIMED")
	if err != nil {
		return r, err
	}
	if strategy == "PERIODIC" {
		r.Every, err = o.Duration("lookup.full-cache.periodic-reload.interval", 0)
		return r, err
	}
	r.Timed = true
	const key = "lookup.full-cache.timed-reload.iso-time"
	text, ok := o[key]
	if !ok {
		return r, Invalid(key, "is needed with 'lookup.full-cache.reload-strategy' = 'TIMED'")
	}
	if r.At, r.zone, ok = parseISOTime(strings.TrimSpace(text)); !ok {
		return r, Invalid(key, "must be a time such as 10:15, 10:15:30Z or 10:15+07:00, not %q", text)
	}
	days, err := o.Int("lookup.full-cache.timed-reload.interval-in-days", 1)
	if err == nil && days < 1 {
		err = Invalid("lookup.full-cache.timed-reload.interval-in-days", "must be at least 1, not %d", days)
	}
	r.Every = time.Duration(days) * 24 * time.Hour
	return r, err
}

func parseISOTime(s string) (time.Duration, *time.Location, bool) {
	for _, layout := range []string{"15:04", "15:04:05", "15:04:05.999999999", "15:04Z07:00", "15:04:05Z07:00", "15:04:05.999999999Z07:00"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		var zone *time.Location
		if strings.Contains(layout, "Z") {
			_, offset := t.Zone()
			zone = time.FixedZone("", offset)
		}
		y, m, d := t.Date()
		return t.Sub(time.Date(y, m, d, 0, 0, 0, 0, t.Location())), zone, true
	}
	return 0, nil, false
}

// Next is when a table is read again that is read now, both in milliseconds of the
// clock; due is what Next said of the load before, 0 for the first one. 0 is never.
func (r Reload) Next(due, now int64, session *time.Location) int64 {
	every := r.Every.Milliseconds()
	switch {
	case every <= 0:
		return 0
	case !r.Timed:
		return now + every
	case due != 0:
		return due + ((now-due)/every+1)*every
	}
	zone := r.zone
	if zone == nil {
		zone = cmp.Or(session, time.UTC)
	}
	t := time.UnixMilli(now).In(zone)
	y, m, d := t.Date()
	next := time.Date(y, m, d, 0, 0, 0, 0, zone).Add(r.At).UnixMilli()
	if next < now {
		next += (24 * time.Hour).Milliseconds()
	}
	if next == now {
		next += every // it is being read
	}
	return next
}
