package bind

import (
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// startMode binds START_MODE; without one the session's default holds.
func (b *Binder) startMode(s *ast.StartMode) (catalog.StartMode, error) {
	if s == nil {
		return catalog.StartMode{Mode: b.Session.Config.Enum("materialized-table.default-start-mode")}, nil
	}
	m := catalog.StartMode{Mode: s.Mode}
	switch a := s.Arg.(type) {
	case *ast.IntervalLiteral:
		l, err := interval(a)
		if err != nil {
			return m, err
		}
		v := l.Col.Int(0)
		if v < 0 {
			return m, diag.At(a.Span(), diag.InvalidArgument, "the interval of %s must not be below 0", s.Mode).WithHint("%s alone begins now", s.Mode)
		}
		if l.Type().Kind == types.IntervalYM {
			m.Months = int(v)
		} else {
			m.Millis = v
		}
		m.Arg = b.textAt(a.Span())
	case *ast.Literal:
		zone := time.UTC
		switch a.Kind {
		case ast.LitTimestamp:
		case ast.LitTimestampLTZ:
			zone = b.Session.Config.Zone(b.Session.Host.Zone)
		default:
			return m, diag.At(a.Span(), diag.InvalidArgument, "%s takes a TIMESTAMP, in UTC, or a TIMESTAMP WITH LOCAL TIME ZONE", s.Mode)
		}
		plain := *a
		plain.Kind = ast.LitTimestamp
		l, err := temporal(&plain)
		if err != nil {
			return m, err
		}
		v, per := l.(*expr.Literal).Col.Int(0), l.Type().PerSecond()
		t := time.UnixMilli(floorDiv(v, per)*1000 + floorMod(v, per)*1000/per).UTC()
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
		m.Millis = t.UnixMilli()
		m.Arg = "TIMESTAMP '" + strings.TrimSuffix(t.UTC().Format("2006-01-02 15:04:05.000"), ".000") + "'"
	}
	return m, nil
}

// freshness works out how often the table is refreshed, and how. What there was before
// holds where the statement says nothing; the mode stays what it was.
func (b *Binder) freshness(s *ast.CreateMaterializedTable, m *catalog.Materialized, old *catalog.Table) error {
	c := b.Session.Config
	m.Mode = s.RefreshMode
	at := s.Span()
	if f := s.Freshness; f != nil {
		at = f.Span()
		if err := given(f, m); err != nil {
			return err
		}
	}
	if old != nil && old.Materialized != nil {
		was := old.Materialized
		if m.Mode != "" && m.Mode != was.Mode {
			return diag.At(s.Name.Span(), diag.UnsupportedByFlink, "the refresh mode of %s is %s and cannot be changed", s.Name, was.Mode).
				WithHint("drop the table and create it anew")
		}
		m.Mode = was.Mode
		if s.Freshness == nil {
			m.Freshness = was.Freshness
		}
	}
	switch {
	case m.Mode != "":
	case s.Freshness != nil && m.Freshness.Duration() >= c.Duration("materialized-table.refresh-mode.freshness-threshold"):
		m.Mode = "FULL"
	case s.Freshness != nil:
		m.Mode = "CONTINUOUS"
	default:
		m.Freshness = catalog.FreshnessOf(c.Duration("materialized-table.default-freshness.continuous"))
		m.Mode = "CONTINUOUS"
		if m.Freshness.Duration() >= c.Duration("materialized-table.refresh-mode.freshness-threshold") {
			m.Mode = "FULL"
		}
	}
	if m.Freshness.N == 0 {
		m.Freshness = catalog.FreshnessOf(c.Duration("materialized-table.default-freshness." + strings.ToLower(m.Mode)))
	}
	if m.Mode == "FULL" && !scheduled(m.Freshness) {
		return diag.At(at, diag.InvalidArgument, "a FRESHNESS of %s is no schedule: it must divide a minute, an hour or a day into equal parts, or be a day", m.Freshness).
			WithHint("seconds and minutes: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30; hours: 1, 2, 3, 4, 6, 8, 12; 1 day")
	}
	return nil
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// given reads FRESHNESS = INTERVAL.
func given(f *ast.IntervalLiteral, m *catalog.Materialized) error {
	if _, err := interval(f); err != nil {
		return err
	}
	m.Freshness = catalog.Freshness{N: 1, Unit: string(f.Qualifier.From)}
	if f.Qualifier.To != "" || m.Freshness.Duration() == 0 {
		return diag.At(f.Span(), diag.InvalidArgument, "FRESHNESS is a number of seconds, minutes, hours, days or weeks")
	}
	n, err := strconv.Atoi(strings.TrimSpace(f.Text))
	if err != nil || n <= 0 || f.Negative {
		return diag.At(f.Span(), diag.InvalidArgument, "FRESHNESS must be a whole number above 0")
	}
	m.Freshness.N = n
	return nil
}

// scheduled reports a freshness that a cron expression can say.
func scheduled(f catalog.Freshness) bool {
	parts := map[string]int{"SECOND": 60, "MINUTE": 60, "HOUR": 24}[f.Unit]
	return f.Unit == "DAY" && f.N == 1 || parts > 0 && f.N < parts && parts%f.N == 0
}
