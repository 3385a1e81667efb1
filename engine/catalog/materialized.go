package catalog

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// materializedTable is the word for a materialized table.
const materializedTable = "materialized table"

// Materialized is what makes a table a materialized one: the query whose rows it holds
// and how they are kept up to date.
type Materialized struct {
	// Query is the query with full names, Original as it was written; names in Original
	// are resolved in the Scope of the table.
	Query, Original string
	Freshness       Freshness
	// Mode is CONTINUOUS (a streaming job) or FULL (a batch job each time).
	Mode    string
	Start   StartMode
	Refresh Refresh
}

// Freshness is how old the rows may be: a number of SECOND, MINUTE, HOUR, DAY or WEEK.
type Freshness struct {
	N    int
	Unit string
}

var freshnessUnits = []struct {
	name string
	time.Duration
}{{"WEEK", 7 * 24 * time.Hour}, {"DAY", 24 * time.Hour}, {"HOUR", time.Hour}, {"MINUTE", time.Minute}, {"SECOND", time.Second}}

// FreshnessOf says a duration in its largest unit up to days.
func FreshnessOf(d time.Duration) Freshness {
	for _, u := range freshnessUnits {
		if u.name != "WEEK" && d%u.Duration == 0 {
			return Freshness{int(d / u.Duration), u.name}
		}
	}
	return Freshness{int(d / time.Second), "SECOND"}
}

// Duration is the freshness as a time; 0 for a unit that there is not.
func (f Freshness) Duration() time.Duration {
	for _, u := range freshnessUnits {
		if u.name == f.Unit {
			return time.Duration(f.N) * u.Duration
		}
	}
	return 0
}

// String is the interval as SQL.
func (f Freshness) String() string { return "INTERVAL '" + strconv.Itoa(f.N) + "' " + f.Unit }

// StartMode says from where on a new streaming job reads the sources of the query.
type StartMode struct {
	// Mode is one of those of START_MODE.
	Mode string
	// Arg is what stands in parentheses, "" for nothing.
	Arg string
	// Months and Millis are the interval of FROM_NOW; Millis is the time of
	// FROM_TIMESTAMP, in milliseconds of the epoch.
	Months int
	Millis int64
}

// String is the mode as SQL.
func (s StartMode) String() string {
	if s.Arg == "" {
		return s.Mode
	}
	return s.Mode + "(" + s.Arg + ")"
}

// Resumes reports a mode that goes on where the job before stopped, if there was one.
func (s StartMode) Resumes() bool { return strings.HasPrefix(s.Mode, "RESUME_OR_") }

// Since is the time from which on a job that begins now reads, in milliseconds of the
// epoch; 0 reads all there is.
func (s StartMode) Since(now int64) int64 {
	switch strings.TrimPrefix(s.Mode, "RESUME_OR_") {
	case "FROM_NOW":
		return time.UnixMilli(now-s.Millis).UTC().AddDate(0, -s.Months, 0).UnixMilli()
	case "FROM_TIMESTAMP":
		return s.Millis
	}
	return 0
}

// States of the refresh of a materialized table.
const (
	Initializing = "INITIALIZING"
	Activated    = "ACTIVATED"
	Suspended    = "SUSPENDED"
)

// Refresh is how far the refresh of a table is: what another process needs to go on.
type Refresh struct {
	Status string
	// Job is the id of the newest streaming job, Folder where its checkpoints are; ""
	// where they die with the process.
	Job, Folder string
	// Savepoint is where a suspended job goes on from, or a running one has; with
	// SourcesOnly it was of another query, and only its positions are taken.
	Savepoint   string
	SourcesOnly bool
	// Since is the time from which on the job reads its sources; see StartMode.Since.
	Since int64
	// Settings are those of the session that made the table, for scheduled refreshes.
	Settings [][2]string
}

// Lines of a version's head that keep a Refresh:
//
//	-- refresh SUSPENDED "job" "folder" "savepoint" 1764381906000
//	-- set "key" "value"
const (
	headRefresh = "-- refresh "
	headSetting = "-- set "
	// headPositions ends the line where only positions of the savepoint are taken.
	headPositions = " positions"
)

func (r *Refresh) encode() string {
	q := strconv.QuoteToASCII
	s := headRefresh + r.Status + " " + q(r.Job) + " " + q(r.Folder) + " " + q(r.Savepoint) + " " + strconv.FormatInt(r.Since, 10)
	if r.SourcesOnly {
		s += headPositions
	}
	s += "\n"
	for _, kv := range r.Settings {
		s += headSetting + q(kv[0]) + " " + q(kv[1]) + "\n"
	}
	return s
}

// headWords reads n quoted texts; rest is what follows them.
func headWords(line string, n int) (words []string, rest string, err error) {
	for range n {
		q, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, "", err
		}
		w, err := strconv.Unquote(q)
		if err != nil {
			return nil, "", err
		}
		words, line = append(words, w), strings.TrimPrefix(line[len(q):], " ")
	}
	return words, line, nil
}

// decode takes a line of the head, if it is one of a Refresh.
func (r *Refresh) decode(line string) error {
	switch {
	case strings.HasPrefix(line, headRefresh):
		status, rest, _ := strings.Cut(line[len(headRefresh):], " ")
		words, since, err := headWords(rest, 3)
		if err != nil {
			return err
		}
		r.Status, r.Job, r.Folder, r.Savepoint = status, words[0], words[1], words[2]
		if status != Initializing && status != Activated && status != Suspended {
			return errors.New("a refresh is never " + status)
		}
		since, r.SourcesOnly = strings.CutSuffix(since, headPositions)
		if r.Since, err = strconv.ParseInt(since, 10, 64); err != nil {
			return err
		}
	case strings.HasPrefix(line, headSetting):
		words, _, err := headWords(line[len(headSetting):], 2)
		if err != nil {
			return err
		}
		r.Settings = append(r.Settings, [2]string{words[0], words[1]})
	}
	return nil
}

// Clauses are those of CREATE MATERIALIZED TABLE behind WITH, with a query in one of its
// two texts.
func (m *Materialized) Clauses(query string) string {
	return "\nSTART_MODE = " + m.Start.String() + "\nFRESHNESS = " + m.Freshness.String() + "\nREFRESH_MODE = " + m.Mode + "\nAS " + query
}
