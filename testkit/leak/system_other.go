//go:build !linux

package leak

// system counts nothing where there is no /proc.
type system struct{}

func (*system) begin() error   { return nil }
func (*system) left() []string { return nil }
func (*system) close()         {}
