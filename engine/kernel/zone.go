package kernel

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones are there on every machine, and the binary is one file
)

// LoadZone finds a time zone by the names Java takes: regions of the tz database,
// UTC, GMT, Z, and offsets such as +08:00, GMT+8 or UTC-05:30.
func LoadZone(name string) (*time.Location, error) {
	switch name {
	case "UTC", "Z", "GMT", "UT", "Etc/UTC":
		return time.UTC, nil
	case "":
		return nil, fmt.Errorf("no time zone named")
	}
	rest := name
	for _, p := range []string{"UTC", "GMT", "UT"} {
		if r, ok := strings.CutPrefix(name, p); ok {
			rest = r
			break
		}
	}
	if rest[0] == '+' || rest[0] == '-' {
		if s, ok := offsetSeconds(rest); ok {
			if s == 0 {
				return time.UTC, nil
			}
			return time.FixedZone(name, s), nil
		}
	}
	if name == "Local" {
		return nil, fmt.Errorf("unknown time zone %s", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %s", name)
	}
	return loc, nil
}

// offsetSeconds reads ±H, ±HH, ±HHmm, ±HH:mm.
func offsetSeconds(s string) (int, bool) {
	h, rest, ok := number([]byte(s[1:]), 2)
	if !ok || h > 18 {
		return 0, false
	}
	m := 0
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	}
	if len(rest) > 0 {
		if m, rest, ok = number(rest, 2); !ok || m > 59 || len(rest) > 0 {
			return 0, false
		}
	}
	v := h*3600 + m*60
	if s[0] == '-' {
		v = -v
	}
	return v, true
}
