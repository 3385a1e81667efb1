package types

// Schema is an ordered list of columns. Names are matched case-sensitively.
type Schema []Field

// Index returns the position of the column named name, or -1.
func (s Schema) Index(name string) int {
	for i := range s {
		if s[i].Name == name {
			return i
		}
	}
	return -1
}

// Names lists the column names in order.
func (s Schema) Names() []string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = s[i].Name
	}
	return out
}

// Types lists the column types in order.
func (s Schema) Types() []Type {
	out := make([]Type, len(s))
	for i := range s {
		out[i] = s[i].Type
	}
	return out
}
