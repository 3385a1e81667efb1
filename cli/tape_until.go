package cli

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/trace"
)

// untilHelp says in which forms a moment is written.
const untilHelp = `A moment is CHECKPOINT:STEP (40:1284 is 1284 steps after checkpoint 40 began, 0:100 the
hundredth step of a run without one; 2/40:1284 means the second attempt), a time
("2026-03-01 11:54:52.5" in the time zone of the tape, or with a zone as in RFC 3339), a time
since the job began (+90s), or a watermark of what the job gives (wm="2026-03-01 11:55:00").`

// until is a moment that the command line names, as a condition. every gives, for each
// job that reached it, where that was.
type until struct {
	holds func(m *flow.Moment) bool

	mu      sync.Mutex
	reached map[int]reachedAt
}

type reachedAt struct {
	flow.Position
	task     string
	time, wm int64
}

// parseUntil reads a moment of a tape.
func parseUntil(text string, t *trace.File) (*until, error) {
	u := &until{reached: map[int]reachedAt{}}
	m := &t.Manifest
	zone, err := time.LoadLocation(m.Zone)
	if err != nil {
		zone = time.UTC
	}
	if rest, ok := strings.CutPrefix(text, "wm="); ok {
		at, err := momentOf(strings.Trim(rest, `"'`), time.UTC)
		if err != nil {
			return nil, err
		}
		u.holds = func(m *flow.Moment) bool {
			wm := m.Watermark()
			return wm != batch.NoWatermark && wm >= at.UnixMilli()
		}
		return u, nil
	}
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		d, err := time.ParseDuration(strings.ReplaceAll(rest, " ", ""))
		if err != nil {
			return nil, badMoment(text)
		}
		u.holds = func(now *flow.Moment) bool {
			at := m.Jobs[now.Job].Attempts
			return len(at) > 0 && now.TimeMS >= at[0].Began+d.Milliseconds()
		}
		return u, nil
	}
	if p, err := flow.ParsePosition(text); err == nil {
		u.holds = func(m *flow.Moment) bool { return p.Reached(m.Position) }
		return u, nil
	}
	at, err := momentOf(strings.TrimPrefix(text, "@"), zone)
	if err != nil {
		return nil, err
	}
	u.holds = func(m *flow.Moment) bool { return m.TimeMS >= at.UnixMilli() }
	return u, nil
}

func badMoment(text string) error {
	return failed(exitUsage, diag.New(diag.Config, "%q is no moment", text).
		WithHint("write 40:1284, a time, +90s or wm=\"2026-03-01 11:55:00\"; see mink tape replay --help"))
}

// momentOf reads a date and time.
func momentOf(text string, zone *time.Location) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, nil
		}
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	return time.Time{}, badMoment(text)
}

// after is for flow.Playback.
func (u *until) after(m *flow.Moment) bool {
	if !u.holds(m) {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.reached[m.Job] = reachedAt{Position: m.Position, task: m.Task, time: m.TimeMS, wm: m.Watermark()}
	return true
}

// tell says where each job was stopped, or that it ended before.
func (u *until) tell(t *trace.File, say func(text string)) {
	for i, j := range t.Manifest.Jobs {
		name := fmt.Sprintf("job %d", i+1)
		if j.Name != "" {
			name += " (" + j.Name + ")"
		}
		r, ok := u.reached[i]
		if !ok {
			say(name + " ended before that")
			continue
		}
		text := fmt.Sprintf("%s stopped at %s, %s", name, r.Position, time.UnixMilli(r.time).UTC().Format("2006-01-02 15:04:05.000"))
		if r.wm != batch.NoWatermark && r.wm != batch.MaxWatermark {
			text += ", watermark " + time.UnixMilli(r.wm).UTC().Format("2006-01-02 15:04:05.000")
		}
		say(text + ", after a step of " + r.task)
	}
}
