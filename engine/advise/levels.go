package advise

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// Level is what is done about a finding.
type Level uint8

// The levels.
const (
	// Warn says it.
	Warn Level = iota
	// Off does not look.
	Off
	// Deny refuses the statement.
	Deny
)

var levelWords = map[string]Level{"warn": Warn, "on": Warn, "off": Off, "deny": Deny}

// Levels are the levels of a session: one for all rules, and those of single ones.
type Levels struct {
	all  Level
	rule map[diag.Code]Level
}

// Of is the level of a rule.
func (l Levels) Of(c diag.Code) Level {
	if v, ok := l.rule[c]; ok {
		return v
	}
	return l.all
}

// ParseLevels reads the setting 'mink.advice': a level for all rules, or a list of
// rule=level, or both: "warn", "off, cross-join=deny". An unknown rule or level is
// invalid-option.
func ParseLevels(s string) (Levels, error) {
	l := Levels{rule: map[diag.Code]Level{}}
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		rule, word, single := strings.Cut(part, "=")
		if !single {
			word = rule
		}
		level, ok := levelWords[strings.ToLower(strings.TrimSpace(word))]
		if !ok {
			return l, diag.New(diag.InvalidOption, "'mink.advice' takes warn, deny or off, or rule=level, and not '%s'", part).
				WithHint("such as 'warn, cross-join=deny, aggregate-without-ttl=off'")
		}
		if !single {
			l.all = level
			continue
		}
		code := diag.Code(strings.ToLower(strings.TrimSpace(rule)))
		if Find(code) == nil {
			e := diag.New(diag.InvalidOption, "'mink.advice' names no rule '%s'", code)
			var names []string
			for _, r := range Rules() {
				names = append(names, string(r.Code))
			}
			if g := diag.Suggest(string(code), names); g != "" {
				e.WithHint("did you mean '%s'", g)
			} else {
				e.WithHint("docs/reference/errors.md lists the rules")
			}
			return l, e
		}
		l.rule[code] = level
	}
	return l, nil
}
