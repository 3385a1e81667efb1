package plan

// ChangelogNormalize turns an upsert stream, or one with duplicates, into a full
// changelog by keeping the last row of each key. Equal rows give nothing while TTL
// is 0.
type ChangelogNormalize struct {
	Traits
	in1
	Keys []int
	TTL  int64
}

// Name is the operator's name.
func (*ChangelogNormalize) Name() string { return "ChangelogNormalize" }

// Attrs shows the key.
func (n *ChangelogNormalize) Attrs() []Attr {
	return []Attr{{"key", "[" + cols(n.Keys, n.Schema) + "]"}}
}

// DropUpdateBefore drops -U rows, for readers that replace by key.
type DropUpdateBefore struct {
	Traits
	in1
}

// Name is the operator's name.
func (*DropUpdateBefore) Name() string { return "DropUpdateBefore" }

// Attrs is empty.
func (*DropUpdateBefore) Attrs() []Attr { return nil }

// SinkMaterializer puts changes of rows that share a sink key into order: it keeps
// the live rows of each key, and what goes out is the last of them. Its input has
// -U rows.
type SinkMaterializer struct {
	Traits
	in1
	// Keys is the primary key of the sink, UpsertKey one of the query's keys by which
	// a row is found again; nil compares whole rows.
	Keys      []int
	UpsertKey []int
	TTL       int64
	// Conflict is ERROR or NOTHING where rows of one key are settled so at each
	// watermark; Table is the sink's name then.
	Conflict, Table string
}

// Name is the operator's name.
func (*SinkMaterializer) Name() string { return "SinkMaterializer" }

// Attrs shows the keys.
func (n *SinkMaterializer) Attrs() []Attr {
	out := []Attr{{"key", "[" + cols(n.Keys, n.Schema) + "]"}}
	if n.UpsertKey != nil {
		out = append(out, Attr{"upsertKey", "[" + cols(n.UpsertKey, n.Schema) + "]"})
	}
	if n.Conflict != "" {
		out = append(out, Attr{"onConflict", "[" + n.Conflict + "]"})
	}
	return out
}
