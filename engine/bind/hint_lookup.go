package bind

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// lookupValue checks a value of the LOOKUP hint.
func lookupValue(key string, v ast.String) error {
	bad := func(want string) error {
		return diag.At(v.Span, diag.InvalidOption, "'%s' of the LOOKUP hint is %s, not '%s'", key, want, v.Value)
	}
	low := strings.ToLower(v.Value)
	switch key {
	case "async", "shuffle":
		if low != "true" && low != "false" {
			return bad("true or false")
		}
	case "output-mode":
		if low != "ordered" && low != "allow_unordered" {
			return bad("ordered or allow_unordered")
		}
	case "capacity": // lookupAsync asks for more of it where something waits
		if _, err := strconv.Atoi(v.Value); err != nil {
			return bad("a number")
		}
	case "max-attempts":
		if n, err := strconv.Atoi(v.Value); err != nil || n < 1 {
			return bad("a number of at least 1")
		}
	case "timeout", "fixed-delay":
		if d, ok := connect.ParseDuration(v.Value); !ok || d.Milliseconds() < 1 {
			return bad("a duration such as '10 s'")
		}
	case "retry-predicate":
		if low != "lookup_miss" {
			return bad("lookup_miss")
		}
	case "retry-strategy":
		if low != "fixed_delay" {
			return bad("fixed_delay")
		}
	}
	return nil
}

// lookupAsync refuses a hint that asks for lookups that wait, and for no room for them.
// Without 'async' the optimizer decides whether any wait, and looks at the capacity then.
func lookupAsync(m map[string]string, at diag.Span) error {
	if n, err := strconv.Atoi(m["capacity"]); err == nil && n < 1 && strings.EqualFold(m["async"], "true") {
		return diag.At(at, diag.InvalidOption, "'capacity' of the LOOKUP hint is a number of at least 1, not '%d'", n)
	}
	return nil
}

// lookupRetry refuses some of the four options of a retry without the others.
func lookupRetry(m map[string]string, at diag.Span) error {
	var have, miss []string
	for _, k := range []string{"retry-predicate", "retry-strategy", "fixed-delay", "max-attempts"} {
		if _, ok := m[k]; ok {
			have = append(have, k)
		} else {
			miss = append(miss, k)
		}
	}
	if len(have) == 0 || len(miss) == 0 {
		return nil
	}
	return diag.At(at, diag.MissingOption, "a retry in the LOOKUP hint needs '%s' too", strings.Join(miss, "', '"))
}
