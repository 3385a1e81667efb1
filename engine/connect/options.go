package connect

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// Options are the key-value pairs of a WITH clause, as written. Formats get theirs
// without the format's name in front (see Format and Sub).
//
// The getters return def when the key is absent, and an invalid-option error that
// names the key and what it takes when the value is not of the type. They never
// show a value whose key sounds secret.
type Options map[string]string

// Keys lists the keys in byte order.
func (o Options) Keys() []string { return slices.Sorted(maps.Keys(o)) }

// Has reports whether key was given.
func (o Options) Has(key string) bool { _, ok := o[key]; return ok }

// Text returns the value of key.
func (o Options) Text(key, def string) string {
	if v, ok := o[key]; ok {
		return v
	}
	return def
}

// Int returns a whole number.
func (o Options) Int(key string, def int64) (int64, error) {
	v, ok := o[key]
	if !ok {
		return def, nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil {
		return 0, badValue(key, v, "a whole number")
	}
	return n, nil
}

// Float returns a number.
func (o Options) Float(key string, def float64) (float64, error) {
	v, ok := o[key]
	if !ok {
		return def, nil
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil {
		return 0, badValue(key, v, "a number")
	}
	return n, nil
}

// Bool returns true or false, in any letter case.
func (o Options) Bool(key string, def bool) (bool, error) {
	v, ok := o[key]
	if !ok {
		return def, nil
	}
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, badValue(key, v, "true or false")
}

// Duration returns a length of time written as in Flink; see ParseDuration.
func (o Options) Duration(key string, def time.Duration) (time.Duration, error) {
	v, ok := o[key]
	if !ok {
		return def, nil
	}
	d, ok := ParseDuration(v)
	if !ok {
		return 0, badValue(key, v, durationHelp)
	}
	return d, nil
}

// Size returns a number of bytes written as in Flink; see ParseSize.
func (o Options) Size(key string, def int64) (int64, error) {
	v, ok := o[key]
	if !ok {
		return def, nil
	}
	n, ok := ParseSize(v)
	if !ok {
		return 0, badValue(key, v, sizeHelp)
	}
	return n, nil
}

// Enum returns the one of values that was given, in any letter case.
func (o Options) Enum(key, def string, values ...string) (string, error) {
	v, ok := o[key]
	if !ok {
		return def, nil
	}
	if w := pick(values, v); w != "" {
		return w, nil
	}
	return "", badEnum(key, v, values)
}

// List returns the parts of a value separated by ';', trimmed; nil when absent.
func (o Options) List(key string) []string {
	v, ok := o[key]
	if !ok {
		return nil
	}
	var out []string
	for part := range strings.SplitSeq(v, ";") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// Sub returns the options whose keys begin with prefix, without it.
func (o Options) Sub(prefix string) Options {
	out := Options{}
	for k, v := range o {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			out[rest] = v
		}
	}
	return out
}

// Invalid makes the error of a value that a connector refuses: code
// invalid-option, with the key for OptionKey. The text says what is wrong with it.
func Invalid(key, format string, args ...any) *diag.Error {
	return keyed(key, diag.New(diag.InvalidOption, "option '"+strings.ReplaceAll(key, "%", "%%")+"' "+format, args...))
}

// Missing makes the error of an option that is needed and absent. Why ends the
// sentence and may be empty.
func Missing(key, why string) *diag.Error {
	msg := "option '" + key + "' is missing"
	if why != "" {
		msg += ": " + why
	}
	return diag.New(diag.MissingOption, "%s", msg).WithHint("add '%s' = '...' to the WITH clause", key)
}

// optionKey is carried as the cause of an error about an option, so that whoever
// knows where the key stands in the statement can point there.
type optionKey string

func (k optionKey) Error() string { return "option '" + string(k) + "'" }

func keyed(key string, e *diag.Error) *diag.Error {
	e.Cause = optionKey(key)
	return e
}

// OptionKey returns the key an error of this package is about, or "".
func OptionKey(err error) string {
	var k optionKey
	if errors.As(err, &k) {
		return string(k)
	}
	return ""
}

func badValue(key, value, wants string) *diag.Error {
	return Invalid(key, "takes %s, not '%s'", wants, shown(key, value))
}

func badEnum(key, value string, values []string) *diag.Error {
	e := badValue(key, value, "one of "+strings.Join(values, ", "))
	if s := diag.Suggest(value, values); s != "" {
		e = e.WithHint("did you mean '%s'", s)
	}
	return e
}

func pick(values []string, v string) string {
	v = strings.TrimSpace(v)
	for _, w := range values {
		if strings.EqualFold(v, w) {
			return w
		}
	}
	return ""
}

// Hidden is shown instead of a secret value.
const Hidden = diag.Stars

// IsSecret reports whether a key sounds like one whose value must not be shown.
func IsSecret(key string) bool { return diag.IsSecret(key) }

func shown(key, value string) string {
	if IsSecret(key) {
		return diag.ShownSecret(value)
	}
	return value
}

// Redact returns a copy of o with secret values hidden: those declared so in decl
// and those whose key sounds like one. References such as ${env:NAME} are no
// secrets and stay.
func Redact(o Options, decl []Option) Options {
	out := maps.Clone(o)
	for k, v := range o {
		secret := IsSecret(k)
		if d := find(decl, k); d != nil && d.Secret {
			secret = true
		}
		if secret {
			out[k] = diag.ShownSecret(v)
		}
	}
	return out
}
