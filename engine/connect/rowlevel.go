package connect

import "github.com/minkstream/mink/engine/batch"

// Overwriter is a sink that can replace what is there, for INSERT OVERWRITE.
type Overwriter interface {
	// Overwrite is called before Open: the partitions written to, or the whole of a
	// table without partitions, are replaced when the first checkpoint commits. When
	// the statement names one partition whole, static has one row with its values, in
	// order of Table.PartitionKeys, and that partition is replaced also by no rows at
	// all; otherwise static is nil.
	Overwrite(static *batch.Batch) error
}

// PartitionTest tells for each of n partitions of a table whether something holds
// there. Columns of parts are the partition columns in order of Table.PartitionKeys; a
// table without partitions is one, without columns. A nil test holds everywhere.
type PartitionTest func(parts *batch.Batch) ([]bool, error)

// RowLevel is a Sink of a table of which rows can be changed and removed, in batch
// mode: UPDATE, DELETE and TRUNCATE TABLE. Whatever happens, readers find the rows of
// before the statement or those after it, never a part of either.
type RowLevel interface {
	Sink
	// Remove removes the rows of all partitions for which whole holds, now. It is
	// how DELETE runs when its condition is about partitions alone, and TRUNCATE.
	Remove(whole PartitionTest) error
	// Rewrite prepares to replace rows; it is called once, while the statement is
	// planned, before Open. The rows replaced are those of partitions for which
	// touched holds, as they are now: scan, a source of the same table that nobody
	// has used, is narrowed to give exactly them. What the one writer of the sink
	// writes takes their place when the job's end commits. Rows that others add
	// meanwhile stay; if others replace the same rows meanwhile, Commit fails with
	// the code conflict and nothing changes.
	Rewrite(scan Source, touched PartitionTest) error
}
