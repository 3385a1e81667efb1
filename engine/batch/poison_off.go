//go:build !poison

package batch

// poisonFreed is off in ordinary builds; see poison_on.go.
const poisonFreed = false

func (c *Col) poison() {}
