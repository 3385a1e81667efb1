package kernel

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// TestVariantBytes holds values to the bytes that the page of the encoding asks for.
func TestVariantBytes(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{"null", "010000 00"},
		{"true", "010000 04"},
		{"false", "010000 08"},
		{"1", "010000 0c01"},
		{"-1", "010000 0cff"},
		{"300", "010000 102c01"},
		{"100000", "010000 14a0860100"},
		{"-3000000000", "010000 1800a22f4dffffffff"},
		{"1.5", "010000 20010f000000"},
		{"12345678901.5", "010000 2401171a99be1c000000"},
		{"12345678901234567890", "010000 2800d20a1feb8ca954ab0000000000000000"},
		{"1e2", "010000 1c0000000000005940"},
		{`"ab"`, "010000 096162"},
		{`""`, "010000 01"},
		{"[]", "010000 030000"},
		// Two elements at 0 and 2, of 4 bytes in all.
		{"[1, 2]", "010000 0302000204 0c010c02"},
		{"{}", "010000 020000"},
		// Names b and a in the order of the document; ids in the order of names.
		{`{"b": 1, "a": true}`, "01020001026261 02020100020003 0c0104"},
	} {
		var b VariantBuilder
		got, ok := b.Build(nil, []byte(c.doc), false)
		if want := strings.ReplaceAll(c.want, " ", ""); !ok || hex.EncodeToString(got) != want {
			t.Errorf("%s is %x (%v), not %s", c.doc, got, ok, want)
		}
	}
	long := strings.Repeat("x", 64)
	var b VariantBuilder
	got, _ := b.Build(nil, []byte(`"`+long+`"`), false)
	if want := "010000" + "4040000000" + hex.EncodeToString([]byte(long)); hex.EncodeToString(got) != want {
		t.Errorf("a string of 64 bytes is %x, not %s", got, want)
	}
}

// TestVariantDuplicates: a name that is twice in an object.
func TestVariantDuplicates(t *testing.T) {
	var b VariantBuilder
	doc := []byte(`{"a": 1, "b": {"a": 5}, "a": [2]}`)
	if _, ok := b.Build(nil, doc, false); ok {
		t.Error("a repeated name is taken")
	}
	v, ok := b.Build(nil, doc, true)
	if !ok {
		t.Fatal("a repeated name is refused")
	}
	if got, _ := VariantOf(v).AppendJSON(nil); string(got) != `{"a":[2],"b":{"a":5}}` {
		t.Errorf("it is %s", got)
	}
}

// randomJSON writes a document of random shape.
func randomJSON(r *rand.Rand, depth int) any {
	n := 5
	if depth > 0 {
		n = 7
	}
	switch r.IntN(n) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return json.Number(fmt.Sprint(r.Int64() >> r.IntN(64)))
	case 3:
		return json.Number(fmt.Sprintf("%d.%03d", r.IntN(1<<20)-1<<19, r.IntN(100)*10+1))
	case 4:
		return strings.Repeat("é\n", r.IntN(50))
	case 5:
		out := []any{}
		for range r.IntN([]int{3, 3, 300}[r.IntN(3)]) {
			out = append(out, randomJSON(r, depth-1))
		}
		return out
	}
	out := map[string]any{}
	for range r.IntN([]int{3, 3, 400}[r.IntN(3)]) {
		out[fmt.Sprintf("name%d", r.IntN(600))] = randomJSON(r, depth-1)
	}
	return out
}

// TestVariantRoundTrip writes random documents with Go's own JSON, and compares what
// comes out and each part that is asked for.
func TestVariantRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var b VariantBuilder
	for range 200 {
		doc := randomJSON(r, 2)
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		v, ok := b.Build(nil, text, false)
		if !ok {
			t.Fatalf("refused: %s", text)
		}
		same(t, VariantOf(v), doc)
	}
}

func same(t *testing.T, v Variant, want any) {
	t.Helper()
	// A part on its own has the same parts.
	alone := VariantOf(v.Append(nil))
	got, ok := alone.AppendJSON(nil)
	if !ok {
		t.Fatal("it has no JSON")
	}
	d := json.NewDecoder(strings.NewReader(string(got)))
	d.UseNumber()
	var back any
	if err := d.Decode(&back); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if !reflect.DeepEqual(back, want) {
		t.Fatalf("it is %s, not %v", got, want)
	}
	switch want := want.(type) {
	case []any:
		for i, e := range want {
			part, ok := v.Element(int64(i))
			if !ok {
				t.Fatalf("no element %d of %d", i, len(want))
			}
			same(t, part, e)
		}
		if _, ok := v.Element(int64(len(want))); ok {
			t.Fatal("an element too many")
		}
	case map[string]any:
		for name, e := range want {
			part, ok := v.Member([]byte(name))
			if !ok {
				t.Fatalf("no member %s", name)
			}
			same(t, part, e)
		}
		if _, ok := v.Member([]byte("nameX")); ok {
			t.Fatal("a member too many")
		}
	}
}

func BenchmarkVariantBuild(b *testing.B) {
	doc := []byte(`{"user_id": 12345, "event": "page_view", "url": "https://shop.example/item/77", "price": 19.99, "tags": ["a", "b"], "geo": {"lat": 1.5, "lon": -3.25}}`)
	var vb VariantBuilder
	var out []byte
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		out, _ = vb.Build(out[:0], doc, false)
	}
}
