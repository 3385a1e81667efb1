package filesystem

import (
	"path"
	"strings"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

const defaultPartition = "__DEFAULT_PARTITION__"

// partitions are the partition columns of a table.
type partitions struct {
	cols    []int // in the table's schema
	names   []string
	types   []types.Type
	nullDir string // value of a directory that stands for NULL
}

// values finds the partition values in the directories of a file.
func (p *partitions) values(file string) ([]batch.Col, error) {
	if len(p.cols) == 0 {
		return nil, nil
	}
	found := map[string]string{}
	for part := range strings.SplitSeq(path.Dir(file), "/") {
		if k, v, ok := strings.Cut(part, "="); ok {
			found[unescapeName(k)] = unescapeName(v)
		}
	}
	var out []batch.Col
	for i, name := range p.names {
		v, ok := found[name]
		if !ok {
			return nil, diag.New(diag.IO, "file '%s' is in no partition: its path has no directory %s=...", file, name)
		}
		c, ok := p.constant(v, p.types[i])
		if !ok {
			return nil, diag.New(diag.MalformedRecord, "file '%s': %s is no %s for partition column `%s`",
				file, format.Excerpt([]byte(v)), p.types[i], name)
		}
		out = append(out, c)
	}
	return out, nil
}

// constant is the column of a partition value.
func (p *partitions) constant(v string, t types.Type) (batch.Col, bool) {
	if v == p.nullDir {
		return batch.ConstNull(t), true
	}
	var b batch.Batch
	rows := format.NewRows(types.Schema{{Name: "v", Type: t}}, nil)
	rows.Begin(&b, 1)
	if !format.ParseScalar(rows.Cols[0], []byte(v)) {
		return batch.Col{}, false
	}
	rows.EndFull()
	rows.End()
	c := b.Cols[0]
	c.Enc = batch.Const
	return c, true
}

// Characters that a directory name may not have are written as %XX.
const unsafeName = "\x7f\"#%'*/:=?\\{}[]^"

func escapeName(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c < ' ' || strings.IndexByte(unsafeName, c) >= 0 {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func unescapeName(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, ok1 := hexDigit(s[i+1])
			lo, ok2 := hexDigit(s[i+2])
			if ok1 && ok2 {
				b.WriteByte(hi<<4 | lo)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
