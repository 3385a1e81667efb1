package aggregate

// All lists every aggregate function, in name order. A new function adds one line.
func All() []Func {
	return []Func{
		sum0,
		approxCountDistinct,
		arrayAgg,
		avg,
		collect,
		count,
		cumeDist,
		denseRank,
		firstValue,
		jsonArrayAgg,
		jsonObjectAgg,
		lag,
		lastValue,
		lead,
		listAgg,
		maximum,
		minimum,
		ntile,
		percentile,
		percentRank,
		rank,
		rowNumber,
		singleValue,
		stddevPop,
		stddevSamp,
		sum,
		varPop,
		varSamp,
	}
}
