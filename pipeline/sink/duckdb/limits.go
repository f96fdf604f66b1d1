package duckdb

// limits say when a shard works without being asked. Tests have others than defaultLimits.
type limits struct {
	// Rows of one table that wait in a shard. At insertRows they are inserted: exactly a row group,
	// which is compressed at once and not touched again. At lookRows, when the table must first be
	// read for what it has.
	insertRows, lookRows int

	insertBytes int // packed rows of all tables that wait in a shard: they are all inserted
	commitRows  int // rows inserted: they are committed, since each commit costs, and each part of a row group
	seenKeys    int // hashes of keys that a batch remembers, some 20 bytes each

	// When a shard learns where rows are (see rowids): batches of at most smallRows are small.
	// Their rows are found by rowid once smallBatches of them came in a row, since a job with an
	// end has one, the last. The table has at least tableRows by then: a smaller one is read as
	// quickly as it is searched; and at most mostRowids, which take some 25 bytes each in a shard.
	smallRows, smallBatches, tableRows, mostRowids int
	hashMask                                       uint64 // of the hashes by which keys are told apart

	// A Flush ends in a checkpoint when the log has checkpointBytes, and checkpoints took no more
	// than one part in checkpointShare of the time since the last one. A checkpoint writes each row
	// group anew in which any row has changed, which takes long in a large table.
	checkpointBytes int64
	checkpointShare int

	rewriteRows int // rows that are rewritten in one transaction
}

func defaultLimits() limits {
	return limits{
		insertRows: rowGroup, lookRows: 4 * rowGroup, insertBytes: 96 << 20, commitRows: 8 * rowGroup, seenKeys: 2 << 20,
		smallRows: 4096, smallBatches: 8, tableRows: 50_000, mostRowids: 16 << 20, hashMask: ^uint64(0),
		checkpointBytes: 16 << 20, checkpointShare: 50, rewriteRows: 20_000,
	}
}
