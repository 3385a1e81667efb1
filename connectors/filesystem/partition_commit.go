package filesystem

import (
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// partitionCommit says when a partition counts as complete and what is done then.
type partitionCommit struct {
	on      bool // an empty file is written
	byClock bool // else by the watermark
	delay   int64
	file    string

	pattern   string
	formatter string
	zone      *time.Location
}

func newPartitionCommit(t *connect.Table) (partitionCommit, error) {
	o := t.Options
	c := partitionCommit{file: o.Text("sink.partition-commit.success-file.name", "_SUCCESS")}
	for kind := range strings.SplitSeq(o.Text("sink.partition-commit.policy.kind", ""), ",") {
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "":
		case "metastore": // the directories are all there is
		case "success-file":
			c.on = len(t.PartitionKeys) > 0
		case "custom":
			return c, javaOnly("sink.partition-commit.policy.kind")
		default:
			return c, connect.Invalid("sink.partition-commit.policy.kind", "takes success-file and metastore, not '%s'", kind)
		}
	}
	for _, k := range []string{"partition.time-extractor.class", "sink.partition-commit.policy.class", "sink.partition-commit.policy.class.parameters"} {
		if o.Has(k) {
			return c, javaOnly(k)
		}
	}
	if kind, err := o.Enum("partition.time-extractor.kind", "default", "default", "custom"); err != nil {
		return c, err
	} else if kind == "custom" {
		return c, javaOnly("partition.time-extractor.kind")
	}
	if c.file == "" || strings.Contains(c.file, "/") {
		return c, connect.Invalid("sink.partition-commit.success-file.name", "must be the name of a file")
	}
	trigger, err := o.Enum("sink.partition-commit.trigger", "process-time", "process-time", "partition-time")
	if err != nil {
		return c, err
	}
	c.byClock = trigger == "process-time"
	delay, err := o.Duration("sink.partition-commit.delay", 0)
	if err != nil {
		return c, err
	}
	c.delay = delay.Milliseconds()
	c.pattern = o.Text("partition.time-extractor.timestamp-pattern", "")
	c.formatter = o.Text("partition.time-extractor.timestamp-formatter", "")
	name := o.Text("sink.partition-commit.watermark-time-zone", "UTC")
	if c.zone, err = time.LoadLocation(name); err != nil || name == "Local" {
		return c, connect.Invalid("sink.partition-commit.watermark-time-zone", "'%s' is no time zone", name)
	}
	return c, nil
}

// javaOnly is the error of an option that asks for code of Flink's kind.
func javaOnly(key string) error {
	e := connect.Invalid(key, "names Java code, and what such code does is not supported yet")
	e.Code = diag.Unsupported
	return e.WithHint("partition.time-extractor.timestamp-pattern and sink.partition-commit.policy.kind = 'success-file' do the usual")
}

// shared reports that subtasks must know of each other's watermarks.
func (c *partitionCommit) shared(parallelism int) bool {
	return c.on && !c.byClock && parallelism > 1
}

// due reports whether a partition may be committed, as far as one subtask knows.
// At the end of a bounded input all may.
func (c *partitionCommit) due(p *partitions, dir string, created, clock, watermark int64) (bool, error) {
	if watermark == batch.MaxWatermark {
		return true, nil
	}
	if c.byClock {
		return clock >= created+c.delay, nil
	}
	at, ok, err := c.time(p, dir)
	return ok && watermark > at && watermark-at > c.delay, err
}

// time is the time of a partition in milliseconds; not ok for the partition of
// NULL, which has none.
func (c *partitionCommit) time(p *partitions, dir string) (int64, bool, error) {
	values := map[string]string{}
	for part := range strings.SplitSeq(dir, "/") {
		k, v, _ := strings.Cut(part, "=")
		values[unescapeName(k)] = unescapeName(v)
	}
	text := c.pattern
	if text == "" {
		text = values[p.names[0]]
		if text == p.nullDir {
			return 0, false, nil
		}
	}
	// The longest names first, so that $h does not take the front of $hour.
	names := slices.Clone(p.names)
	slices.SortStableFunc(names, func(a, b string) int { return len(b) - len(a) })
	for _, n := range names {
		if !strings.Contains(text, "$"+n) {
			continue
		}
		if values[n] == p.nullDir {
			return 0, false, nil
		}
		text = strings.ReplaceAll(text, "$"+n, values[n])
	}
	at, ok := parsePartitionTime(text, c.formatter, c.zone)
	if !ok {
		form := c.formatter
		if form == "" {
			form = "yyyy-MM-dd HH:mm:ss or yyyy-MM-dd"
		}
		return 0, false, connect.Invalid("partition.time-extractor.timestamp-pattern",
			"makes '%s' of partition '%s', which is no time of the form %s", text, dir, form)
	}
	return at, true, nil
}

// parsePartitionTime reads a time in a zone by a pattern of y, M, d, H, m, s and S;
// without one, numbers separated by - : . and a space, at least a date.
func parsePartitionTime(text, pattern string, zone *time.Location) (int64, bool) {
	if pattern == "" {
		pattern = "y-M-d"
		if strings.ContainsAny(text, " T") {
			pattern = "y-M-d H:m:s"
			if strings.Contains(text, ".") {
				pattern += ".S"
			}
			text = strings.Replace(text, "T", " ", 1)
		}
	}
	f := map[byte]int{'y': 1970, 'M': 1, 'd': 1}
	nanos := 0
	for pattern != "" {
		c := pattern[0]
		n := 1
		for n < len(pattern) && pattern[n] == c {
			n++
		}
		if c == '\'' {
			lit, rest, ok := strings.Cut(pattern[1:], "'")
			if lit == "" {
				lit = "'"
			}
			if !ok || !strings.HasPrefix(text, lit) {
				return 0, false
			}
			text, pattern = text[len(lit):], rest
			continue
		}
		if !strings.ContainsRune("yuMdHmsS", rune(c)) {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || text == "" || text[0] != c {
				return 0, false
			}
			text, pattern = text[1:], pattern[1:]
			continue
		}
		// A letter alone takes as many digits as there are, several take as many.
		k, v := 0, 0
		for k < len(text) && k < 9 && (n == 1 || k < n) && text[k] >= '0' && text[k] <= '9' {
			v = v*10 + int(text[k]-'0')
			k++
		}
		if k == 0 || n > 1 && k != n {
			return 0, false
		}
		switch c {
		case 'S':
			nanos = v
			for ; k < 9; k++ {
				nanos *= 10
			}
			k = 0
			for k < len(text) && text[k] >= '0' && text[k] <= '9' && (n == 1 || k < n) {
				k++
			}
		case 'u':
			f['y'] = v
		default:
			f[c] = v
		}
		text, pattern = text[k:], pattern[n:]
	}
	if text != "" || f['M'] < 1 || f['M'] > 12 || f['d'] < 1 || f['d'] > 31 || f['H'] > 23 || f['m'] > 59 || f['s'] > 59 {
		return 0, false
	}
	t := time.Date(f['y'], time.Month(f['M']), f['d'], f['H'], f['m'], f['s'], nanos, zone)
	if t.Day() != f['d'] {
		return 0, false
	}
	return t.UnixMilli(), true
}
