package advise

import "github.com/minkstream/mink/engine/diag"

// Rules lists every rule, in name order. A new rule adds one line.
func Rules() []*Rule {
	return []*Rule{
		aggregateWithoutTTL,
		crossJoin,
		deduplicateWithoutTTL,
		distinctWithoutTTL,
		equalsNull,
		floatSum,
		integerDivision,
		joinWithoutTTL,
		jsonPath,
		limitWithoutOrder,
		lookupWithoutCache,
		manyWindows,
		noCheckpoints,
		noIdleTimeout,
		nonDeterministicUpdate,
		normalizedSource,
		onePhase,
		orderByInInsert,
		primaryKey,
		processingTime,
		selectStar,
		singleSubtask,
		sumMayWrap,
		topNWithoutBound,
		topNWithoutTTL,
		watermarkBelowLateness,
		watermarkWithoutDelay,
		windowEnd,
	}
}

// Find returns the rule of a code, or nil.
func Find(c diag.Code) *Rule {
	for _, r := range Rules() {
		if r.Code == c {
			return r
		}
	}
	return nil
}

// Codes documents the rules whose codes are no codes of errors too.
func Codes() []diag.CodeInfo {
	var out []diag.CodeInfo
	for _, r := range Rules() {
		if _, error := diag.Explain(r.Code); !error {
			out = append(out, r.CodeInfo)
		}
	}
	return out
}

// orders is the table of most examples: an endless stream with event time.
const orders = `CREATE TABLE orders (
  id BIGINT, sku STRING, qty INT, amount DOUBLE, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'datagen');
`
