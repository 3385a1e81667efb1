package connect

import "github.com/minkstream/mink/engine/batch"

// Partitions are the partitions of a table with PartitionKeys, for ALTER TABLE ADD and
// DROP PARTITION and SHOW PARTITIONS. A partition is given as a batch of one row: its
// values in order of the keys, NULL included.
type Partitions interface {
	// List gives the values of each partition as text, in order of the keys, sorted.
	List() ([][]string, error)
	// Add makes an empty partition. It fails with already-exists.
	Add(values *batch.Batch) error
	// Drop removes a partition with its rows. It fails with not-found.
	Drop(values *batch.Batch) error
	// Text is the values as List gives them.
	Text(values *batch.Batch) []string
}
