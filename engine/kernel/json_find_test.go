package kernel

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// TestFindChecked compares with a check followed by a search, and the check with that of
// encoding/json, over documents that were changed at random.
func TestFindChecked(t *testing.T) {
	docs := []string{
		`{"a": 1, "b": [1, {"a": "x"}, null], "a": {"b": [true, false]}, "c\"d": -1.5e+3}`,
		`[[], {}, [0, "", {"a":{"b":[1,2,3]}}], "a\u00e9\n\\", 12345678901234567890]`,
		` {"a":{"a":{"a":[{"b":"a rather long text, with \" in the middle, and more"}]}}} `,
		`{"\u0061": 7, "a b": "ümläut", "b": "tab	here"}`,
		`"a"`, `0`, `-0.0`, `01`, `1.`, `.5`, `1e`, `tru`, `true`, ``, ` `, `{`, `[1,]`, `{"a":1,}`, `{"a" 1}`, `"\x"`, `"\u12"`, `[1 2]`, `null null`,
	}
	paths := []string{"$", "$.a", "$.b", "$.a.b", "$.a.b[1]", "$[2]", "$[2][2].a.b[0]", "$.b[1].a", "$.a.a.a[0].b", `$['c"d']`, "$['a b']", "lax $.b[7]"}
	r := rand.New(rand.NewPCG(1, 2))
	valid, found := 0, 0
	for range 200_000 {
		s := []byte(docs[r.IntN(len(docs))])
		for range r.IntN(3) {
			if len(s) == 0 {
				break
			}
			i := r.IntN(len(s))
			switch c := `{}[],:"\ 0ab.-e` + "\n\x01"; r.IntN(4) {
			case 0:
				s[i] = c[r.IntN(len(c))]
			case 1:
				s = append(s[:i], s[i+1:]...)
			case 2:
				s = append(s[:i], append([]byte{c[r.IntN(len(c))]}, s[i:]...)...)
			default:
				s = s[:i]
			}
		}
		kind, _, _ := CheckJSON(s)
		if (kind != JSONInvalid) != json.Valid(s) {
			t.Fatalf("CheckJSON of %q says %v, encoding/json the other", s, kind)
		}
		text := paths[r.IntN(len(paths))]
		p, err := CompileJSONPath(text)
		if err != nil || !p.Direct() {
			t.Fatal(text, err)
		}
		from, to, ok := p.FindChecked(s)
		if ok != (kind != JSONInvalid) {
			t.Fatalf("%q in %q: valid %v, kind %v", text, s, ok, kind)
		}
		if !ok {
			continue
		}
		valid++
		spans, has := p.Find(s, nil)
		if has != (from >= 0) || has && spans[0] != [2]int{from, to} {
			t.Fatalf("%q in %q: %d, %d, but %v %v", text, s, from, to, spans, has)
		}
		if has {
			found++
		}
	}
	if valid < 20_000 || found < 5_000 {
		t.Errorf("only %d documents were valid and %d values found", valid, found)
	}
}
