package scalar

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var parseURL = function.Func{
	Name: "PARSE_URL", Category: function.Text,
	Summary:    "A part of a URL: HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE or USERINFO; of QUERY also the value of a key.",
	Signatures: []string{"PARSE_URL(url, part [, key])"},
	Examples: []function.Example{
		{SQL: "PARSE_URL('http://facebook.com/path1/p.php?k1=v1&k2=v2#Ref1', 'HOST')", Want: "facebook.com"},
		{SQL: "PARSE_URL('http://facebook.com/path1/p.php?k1=v1&k2=v2#Ref1', 'QUERY', 'k2')", Want: "v2"},
		{SQL: "PARSE_URL('http://u:p@h.de:80/x?y#z', 'AUTHORITY')", Want: "u:p@h.de:80"},
		{SQL: "PARSE_URL('http://u:p@h.de:80/x?y#z', 'FILE')", Want: "/x?y"},
		{SQL: "PARSE_URL('no url', 'HOST')", Want: "NULL"},
		{SQL: "PARSE_URL('http://a.b/', 'host')", Want: "NULL"},
	},
	Infer: spec{params: []class{text, text, text}, min: 2, result: types.StringT, nullable: true, cost: 60, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		kernel.ShareBufs(dst, args[0])
		s, part := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
		var key kernel.Strs
		if len(args) > 2 {
			key = kernel.StrsOf(args[2])
		}
		for i := range kernel.Lanes(n, live) {
			var k []byte
			name := part.At(i)
			if len(args) > 2 {
				if k = key.At(i); string(name) != "QUERY" {
					setNull(dst, i, n)
					continue
				}
			}
			t := s.At(i)
			from, to, ok := urlPart(t, name, k, len(args) > 2)
			if !ok {
				setNull(dst, i, n)
				continue
			}
			dst.Views[i] = kernel.SubView(s.View(i), t, from, to)
		}
		return nil
	}}.infer,
}

// urlPart finds a part of a URL of a protocol that Java knows.
func urlPart(s, part, key []byte, keyed bool) (from, to int, ok bool) {
	colon := bytes.IndexByte(s, ':')
	if colon <= 0 {
		return 0, 0, false
	}
	switch string(bytes.ToLower(s[:colon])) {
	case "http", "https", "ftp", "file", "jar", "mailto":
	default:
		return 0, 0, false
	}
	end, ref := len(s), len(s)
	if k := bytes.IndexByte(s, '#'); k >= 0 {
		end, ref = k, k+1
	}
	path := colon + 1
	authority := -1
	if bytes.HasPrefix(s[path:end], []byte("//")) {
		authority = path + 2
		if k := bytes.IndexAny(s[authority:end], "/?"); k >= 0 {
			path = authority + k
		} else {
			path = end
		}
	}
	query := end
	if k := bytes.IndexByte(s[path:end], '?'); k >= 0 {
		query = path + k
	}
	switch string(part) {
	case "PROTOCOL":
		return 0, colon, true
	case "PATH":
		return path, query, true
	case "FILE":
		return path, end, true
	case "REF":
		return ref, len(s), end < len(s)
	case "QUERY":
		if query == end {
			return 0, 0, false
		}
		if keyed {
			return queryValue(s, query+1, end, key)
		}
		return query + 1, end, true
	}
	if authority < 0 || authority == path {
		return 0, 0, false
	}
	host := authority
	if k := bytes.LastIndexByte(s[authority:path], '@'); k >= 0 {
		host = authority + k + 1
	}
	switch string(part) {
	case "AUTHORITY":
		return authority, path, true
	case "USERINFO":
		return authority, host - 1, host > authority
	case "HOST":
		to = path
		if k := bytes.LastIndexByte(s[host:path], ':'); k >= 0 && bytes.IndexByte(s[host+k:path], ']') < 0 {
			to = host + k
		}
		return host, to, true
	}
	return 0, 0, false
}

// queryValue finds key=value between from and to.
func queryValue(s []byte, from, to int, key []byte) (int, int, bool) {
	for from <= to {
		end := to
		if k := bytes.IndexByte(s[from:to], '&'); k >= 0 {
			end = from + k
		}
		if p := s[from:end]; len(p) > len(key) && p[len(key)] == '=' && bytes.HasPrefix(p, key) {
			return from + len(key) + 1, end, true
		}
		from = end + 1
	}
	return 0, 0, false
}
