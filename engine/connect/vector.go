package connect

import "github.com/minkstream/mink/engine/batch"

// VectorQuery says what VECTOR_SEARCH asks of a table.
type VectorQuery struct {
	// Column is the position in Table.Schema of the vectors that are searched: an
	// ARRAY of FLOAT or DOUBLE.
	Column int
	// K is how many rows a vector finds at most; above 0.
	K int
	// Config are the pairs of CONFIG that the engine does not know itself. The table
	// refuses keys that it does not know either.
	Config Options
}

// VectorSearch plans the search of a table for the rows nearest to vectors.
type VectorSearch interface {
	// Open makes a searcher for one operator. It may look outside.
	Open(r ReaderCtx) (VectorSearcher, error)
}

// VectorSearcher answers batches of vectors.
type VectorSearcher interface {
	// Search finds the rows nearest to each of n vectors, which lie dense in a column
	// of the searched column's type. It may look outside and waits for it. Vectors that
	// are NULL find nothing. The hits are valid until the next call.
	Search(vectors *batch.Col, n int, hits *VectorHits) error
	Close() error
}

// VectorHits are the rows that were found: those of vector i are the hits From[i] to
// To[i], the last left out, nearest first.
type VectorHits struct {
	From, To []uint32
	// Cols are columns of Table.Schema; hit h is row At[h] of them, or row h where At is
	// nil.
	Cols []batch.Col
	At   []uint32
	// Scores say how near each hit is, as the table measures it.
	Scores []float64
}
