package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Config is the configuration of a session: what SET changed. Keys that mink does
// not know are kept, since Flink keeps them too.
type Config struct {
	mu     sync.RWMutex
	values map[string]string
	base   map[string]string
}

// NewConfig makes an empty configuration: every key has its default.
func NewConfig() *Config { return &Config{values: map[string]string{}, base: map[string]string{}} }

// Base sets a value that RESET goes back to, such as one of a configuration file.
func (c *Config) Base(key, value string) error {
	if _, err := c.Set(key, value); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base[key] = value
	return nil
}

// Set stores a value. A known key's value is checked (invalid-option). A key that
// looks like a misspelt known one is stored and reported as a warning; an unknown
// key of mink's own is an error (unknown-option).
func (c *Config) Set(key, value string) (warning *diag.Error, err error) {
	k := FindKey(key)
	if k == nil {
		k = FindKey(oldNames[key])
	}
	if k == nil {
		guess := diag.Suggest(key, KeyNames())
		if strings.HasPrefix(key, "mink.") {
			e := diag.New(diag.UnknownOption, "no setting '%s'", key)
			if guess != "" {
				e.WithHint("did you mean '%s'", guess)
			}
			return nil, e
		}
		if guess != "" && !strings.HasPrefix(key, "traces.reporter.") { // names that are free, see the start of a job
			warning = diag.New(diag.UnknownOption, "setting '%s' is not known and has no effect", key).WithHint("did you mean '%s'", guess)
		}
	} else if err := k.check(value); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[key] = value
	return warning, nil
}

// Reset takes a key back to its base value; an empty key resets all.
func (c *Config) Reset(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key == "" {
		c.values = maps.Clone(c.base)
		return
	}
	if v, ok := c.base[key]; ok {
		c.values[key] = v
	} else {
		delete(c.values, key)
	}
}

// All returns what was set, as key and value in order of key.
func (c *Config) All() [][2]string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out [][2]string
	for _, k := range slices.Sorted(maps.Keys(c.values)) {
		out = append(out, [2]string{k, c.values[k]})
	}
	return out
}

// Lookup returns what was set for key, or for an old name of it.
func (c *Config) Lookup(key string) (string, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.values[key]
	if ok {
		return v, true
	}
	for _, old := range namesBefore[key] {
		if v, ok = c.values[old]; ok {
			return v, true
		}
	}
	return "", false
}

// Get returns the value of a key or its default.
func (c *Config) Get(key string) string {
	if v, ok := c.Lookup(key); ok {
		return v
	}
	if k := FindKey(key); k != nil {
		return k.Default
	}
	return ""
}

// Bool returns a switch.
func (c *Config) Bool(key string) bool {
	return strings.EqualFold(strings.TrimSpace(c.Get(key)), "true")
}

// Int returns a number.
func (c *Config) Int(key string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(c.Get(key)))
	return n
}

// Duration returns a duration.
func (c *Config) Duration(key string) time.Duration {
	d, _ := connect.ParseDuration(c.Get(key))
	return d
}

// Enum returns a value in capitals.
func (c *Config) Enum(key string) string { return strings.ToUpper(strings.TrimSpace(c.Get(key))) }

// Batch reports that execution.runtime-mode is BATCH.
func (c *Config) Batch() bool { return c.Enum("execution.runtime-mode") == "BATCH" }

// Flink22 reports that the defaults of Flink 2.2 were asked for.
func (c *Config) Flink22() bool {
	v := c.Get("mink.flink-version")
	return strings.HasPrefix(v, "1.") || v == "2.0" || v == "2.1" || v == "2.2"
}

// Zone returns the session time zone; host is what 'default' stands for.
func (c *Config) Zone(host *time.Location) *time.Location {
	if host == nil {
		host = time.UTC
	}
	z := c.Get("table.local-time-zone")
	if z == "" || strings.EqualFold(z, "default") {
		return host
	}
	if l, ok := ParseZone(z); ok {
		return l
	}
	return host
}

// ParseZone reads a time zone: a region such as Europe/Berlin, UTC, or an offset
// such as GMT+03:00.
func ParseZone(z string) (*time.Location, bool) {
	z = strings.TrimSpace(z)
	switch strings.ToUpper(z) {
	case "UTC", "Z", "GMT", "UT":
		return time.UTC, true
	}
	rest := z
	for _, p := range []string{"GMT", "UTC", "UT"} {
		if strings.HasPrefix(rest, p) {
			rest = rest[len(p):]
			break
		}
	}
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		if secs, ok := parseOffset(rest); ok {
			return time.FixedZone(z, secs), true
		}
		return nil, false
	}
	if z == "" || z == "Local" {
		return nil, false
	}
	l, err := time.LoadLocation(z)
	return l, err == nil
}

func parseOffset(s string) (int, bool) {
	sign := 1
	if s[0] == '-' {
		sign = -1
	}
	h, m, hasMin := strings.Cut(s[1:], ":")
	if !hasMin && len(h) == 4 {
		h, m = h[:2], h[2:]
	}
	hours, err := strconv.Atoi(h)
	if err != nil || hours > 18 || len(h) > 2 {
		return 0, false
	}
	mins := 0
	if m != "" {
		if mins, err = strconv.Atoi(m); err != nil || mins > 59 || mins < 0 {
			return 0, false
		}
	}
	return sign * (hours*3600 + mins*60), true
}
