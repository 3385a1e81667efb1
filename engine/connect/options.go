package connect

// Options are the key-value pairs of a WITH clause, as written.
type Options map[string]string
