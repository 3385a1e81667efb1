package flink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Site is where the REST interfaces of a cluster are, Flink's or mink's.
type Site struct{ Gateway, REST string }

// Send gives the status and the body of an answer.
func Send(ctx context.Context, method, url string, body any) (int, []byte, error) {
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, raw, err
}

// Shape is what is left of JSON without its values: the keys of objects, the first element
// of arrays, and the kinds of the rest. Keys that are ids become "*".
func Shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			switch {
			case hexKey.MatchString(k):
				k = "*"
			case k == "properties": // of a session: any
				e = map[string]any{}
			}
			out[k] = Shape(e)
		}
		return out
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		return []any{Shape(v[0])}
	case string:
		return "string"
	case bool:
		return "bool"
	case nil:
		return nil
	}
	return "number"
}

var hexKey = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Differ lists where two shapes are not the same. What is null or empty on a side can be
// anything on the other.
func Differ(at string, want, got any) []string {
	if want == nil || got == nil {
		return nil
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: an object, not %v", at, got)}
		}
		if len(w) == 0 || len(g) == 0 {
			return nil
		}
		var out []string
		for _, k := range slices.Sorted(maps.Keys(w)) {
			e, ok := g[k]
			if !ok {
				out = append(out, fmt.Sprintf("%s: no %q", at, k))
				continue
			}
			out = append(out, Differ(at+"/"+k, w[k], e)...)
		}
		for _, k := range slices.Sorted(maps.Keys(g)) {
			if _, ok := w[k]; !ok {
				out = append(out, fmt.Sprintf("%s: %q is too much", at, k))
			}
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: an array, not %v", at, got)}
		}
		if len(w) == 0 || len(g) == 0 {
			return nil
		}
		return Differ(at+"[]", w[0], g[0])
	}
	if want != got {
		return []string{fmt.Sprintf("%s: a %v, not a %v", at, want, got)}
	}
	return nil
}

// RESTShapes runs one script on a site and gives the status and shape of each answer, by
// method and path. Jobs that it begins are ended. dir takes savepoints.
func RESTShapes(ctx context.Context, s Site, dir string) (map[string]any, error) {
	x := &exchange{ctx: ctx, site: s, out: map[string]any{}, names: map[string]string{}}
	x.run(dir)
	return x.out, x.err
}

// exchange is a run of the script. After the first error it does nothing more.
type exchange struct {
	ctx   context.Context
	site  Site
	out   map[string]any
	names map[string]string // {names} of paths
	err   error
}

// send asks for a path with {names} and notes the answer under name, "" for none.
func (x *exchange) send(base, method, path string, body any, note bool) map[string]any {
	if x.err != nil {
		return nil
	}
	real := path
	for k, v := range x.names {
		real = strings.ReplaceAll(real, "{"+k+"}", v)
	}
	status, raw, err := Send(x.ctx, method, base+real, body)
	if err != nil {
		x.err = err
		return nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		x.err = fmt.Errorf("%s %s: %w in %s", method, path, err, raw)
		return nil
	}
	if note {
		x.out[method+" "+path] = map[string]any{"status": float64(status), "body": Shape(v)}
	}
	m, _ := v.(map[string]any)
	return m
}

func (x *exchange) jobs(method, path string, body any) map[string]any {
	return x.send(x.site.REST, method, path, body, true)
}

func (x *exchange) gateway(method, path string, body any) map[string]any {
	return x.send(x.site.Gateway, method, path, body, true)
}

// statement runs one and gives its first page of results; its answers are noted under
// name.
func (x *exchange) statement(name, sql string) map[string]any {
	h := x.send(x.site.Gateway, "POST", "/v4/sessions/{s}/statements", map[string]any{"statement": sql}, false)
	if x.err != nil {
		return nil
	}
	x.names["o"], _ = h["operationHandle"].(string)
	for range 600 {
		r := x.send(x.site.Gateway, "GET", "/v4/sessions/{s}/operations/{o}/result/0?rowFormat=JSON", nil, false)
		if x.err != nil || r["resultType"] != "NOT_READY" {
			if name != "" {
				x.out["result of "+name] = map[string]any{"body": Shape(any(r))}
			}
			if r["errors"] != nil && !strings.HasPrefix(name, "wrong") {
				x.err = fmt.Errorf("%s: %v", sql, r["errors"])
			}
			return r
		}
		time.Sleep(50 * time.Millisecond)
	}
	x.err = fmt.Errorf("%s does not end", sql)
	return nil
}

// until asks for a path until ok.
func (x *exchange) until(path string, ok func(map[string]any) bool) {
	for range 600 {
		r := x.send(x.site.REST, "GET", path, nil, false)
		if x.err != nil || ok(r) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	if x.err == nil {
		x.err = fmt.Errorf("GET %s does not become what it should", path)
	}
}

func in(v map[string]any, path ...string) any {
	var at any = v
	for _, p := range path {
		m, _ := at.(map[string]any)
		at = m[p]
	}
	return at
}

// Recorded reads the shapes of Flink that are kept in a file.
func Recorded(name string) (map[string]any, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(raw, &out)
}

func jsonNumber(v any) string { return fmt.Sprint(v) }
