package pgwire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// parameter is a setting of Postgres that clients ask for or set.
type parameter struct {
	name, value string
	// told: the client hears of it at the start, and when it changes.
	told bool
	// fixed values cannot be changed.
	fixed bool
}

// serverVersion is the version of Postgres whose protocol and questions this answers.
const serverVersion = "15.0"

var parameters = []parameter{
	{"server_version", serverVersion, true, true},
	{"server_encoding", "UTF8", true, true},
	{"client_encoding", "UTF8", true, false},
	{"application_name", "", true, false},
	{"DateStyle", "ISO, MDY", true, false},
	{"IntervalStyle", "postgres", true, false},
	{"TimeZone", "UTC", true, false},
	{"integer_datetimes", "on", true, true},
	{"standard_conforming_strings", "on", true, true},
	{"is_superuser", "on", true, true},
	{"session_authorization", "", true, true},
	{"default_transaction_read_only", "off", true, false},
	{"in_hot_standby", "off", true, true},
	{"server_version_num", "150000", false, true},
	{"transaction_isolation", "read committed", false, false},
	{"default_transaction_isolation", "read committed", false, false},
	{"transaction_read_only", "off", false, false},
	{"search_path", `"$user", public`, false, false},
	{"extra_float_digits", "1", false, false},
	{"bytea_output", "hex", false, true},
	{"statement_timeout", "0", false, false},
	{"lock_timeout", "0", false, false},
	{"idle_in_transaction_session_timeout", "0", false, false},
	{"max_identifier_length", "63", false, true},
	{"lc_collate", "C.UTF-8", false, true},
	{"lc_ctype", "C.UTF-8", false, true},
	{"lc_messages", "C", false, false},
	{"ssl", "off", false, true},
	{"client_min_messages", "notice", false, false},
	{"synchronous_commit", "on", false, false},
	{"row_security", "on", false, false},
	{"escape_string_warning", "on", false, false},
}

// known finds a setting of Postgres by its name.
func known(name string) *parameter {
	i := slices.IndexFunc(parameters, func(p parameter) bool { return strings.EqualFold(p.name, name) })
	if i < 0 {
		return nil
	}
	return &parameters[i]
}

// setting is the value of a setting of Postgres.
func (c *conn) setting(name string) string {
	p := known(name)
	if v, ok := c.set[strings.ToLower(name)]; ok {
		return v
	}
	if p == nil {
		return ""
	}
	if p.name == "session_authorization" {
		return c.user
	}
	return p.value
}

// assign sets a setting of Postgres, or a key of mink's own, which has a point or a dash in its
// name.
func (c *conn) assign(name, value string) error {
	p := known(name)
	switch {
	case p == nil && strings.ContainsAny(name, ".-"):
		_, err := c.session.Execute(c.ctx, "SET "+quote(name)+" = "+quote(value))
		return err
	case p == nil:
		return stateError{"42704", fmt.Sprintf("there is no setting %q", name)}
	case p.fixed:
		return stateError{"55P02", fmt.Sprintf("setting %q cannot be changed", p.name)}
	}
	switch p.name {
	case "client_encoding":
		switch strings.ToUpper(strings.Trim(value, "'")) {
		case "UTF8", "UTF-8", "UNICODE", "SQL_ASCII":
			value = "UTF8"
		default:
			return stateError{"22023", fmt.Sprintf("texts are UTF-8 here, and encoding %q is not understood", value)}
		}
	case "IntervalStyle":
		if !strings.EqualFold(value, "postgres") {
			return stateError{"0A000", "intervals are written in the style \"postgres\" alone"}
		}
	case "DateStyle":
		if !strings.HasPrefix(strings.ToUpper(value), "ISO") {
			return stateError{"0A000", "dates are written in the style ISO alone"}
		}
	case "TimeZone":
		if strings.EqualFold(value, "default") || strings.EqualFold(value, "local") {
			value = "UTC"
		}
		if _, err := c.session.Execute(c.ctx, "SET 'table.local-time-zone' = "+quote(value)); err != nil {
			return err
		}
	case "statement_timeout":
		d, err := timeoutOf(value)
		if err != nil {
			return err
		}
		c.timeout = d
	}
	c.set[strings.ToLower(name)] = value
	return nil
}

// reset gives a setting its first value again.
func (c *conn) reset(name string) error {
	p := known(name)
	if p == nil {
		return stateError{"42704", fmt.Sprintf("there is no setting %q", name)}
	}
	if _, changed := c.set[strings.ToLower(name)]; !changed {
		return nil
	}
	if err := c.assign(name, p.value); err != nil {
		return err
	}
	delete(c.set, strings.ToLower(name))
	return nil
}

// timeoutOf reads a time as Postgres writes it: milliseconds, or a number with a unit.
func timeoutOf(s string) (time.Duration, error) {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms >= 0 && ms < 1<<40 {
		return time.Duration(ms) * time.Millisecond, nil
	}
	if d, err := time.ParseDuration(strings.Replace(s, "min", "m", 1)); err == nil && d >= 0 {
		return d, nil
	}
	return 0, diag.New(diag.InvalidArgument, "statement_timeout is milliseconds or a number with a unit, such as 5s, and not %q", s)
}
