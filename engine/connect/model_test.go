package connect

import (
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/diag"
)

// TestPickProvider finds the provider of a model, and says what is wrong with its
// options and which key it is.
func TestPickProvider(t *testing.T) {
	list := []*ModelProvider{
		{Name: "near", Options: []Option{{Key: "endpoint", Required: true}, {Key: "tries", Type: Int}, {Key: "header.", Prefix: true}}},
		{Name: "far"},
	}
	for _, c := range []struct {
		list []*ModelProvider
		o    Options
		code diag.Code
		key  string
		says string
	}{
		{list, Options{"provider": "NEAR", "endpoint": "x", "tries": "3", "header.a": "b"}, "", "", ""},
		{list, Options{}, diag.MissingOption, "", "provider"},
		{list, Options{"provider": "nar"}, diag.InvalidOption, "provider", "far, near"},
		{list, Options{"provider": "openai"}, diag.Unsupported, "provider", "openai"},
		{nil, Options{"provider": "near"}, diag.InvalidOption, "provider", "none"},
		{nil, Options{"provider": "openai"}, diag.Unsupported, "provider", "openai"},
		{list, Options{"provider": "near"}, diag.MissingOption, "endpoint", "endpoint"},
		{list, Options{"provider": "near", "endpoint": "x", "tries": "many"}, diag.InvalidOption, "tries", "many"},
		{list, Options{"provider": "near", "endpoint": "x", "tires": "3"}, diag.UnknownOption, "tires", "tries"},
	} {
		p, err := PickProvider(c.list, c.o)
		if c.code == "" {
			if err != nil || p != list[0] {
				t.Errorf("%v: %v, %v", c.o, p, err)
			}
			continue
		}
		if diag.CodeOf(err) != c.code || OptionKey(err) != c.key || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v (key %s), want %s of key %s with %q", c.o, err, OptionKey(err), c.code, c.key, c.says)
		}
	}
}
