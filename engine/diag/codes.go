package diag

// The codes. A code is documented here and nowhere else: its comment has the same
// words as its entry in the list All returns, which `mink explain` prints. A new
// code is a constant and an entry, both in the order of their group.
const (
	// Syntax: the text is not a statement of the dialect.
	//
	// Cause: a word, sign or literal stands where the grammar has no place for it.
	// Example: SELECT a FORM t
	// Fix: look at the caret; the message says what was found and what may stand there.
	Syntax Code = "syntax"

	// ReservedWord: a reserved word is used as a name.
	//
	// Cause: words such as TIMESTAMP, VALUE or ORDER belong to the grammar.
	// Example: CREATE TABLE t (value INT)
	// Fix: quote the name with backticks: `value`.
	ReservedWord Code = "reserved-word"

	// InvalidLiteral: a literal is not closed or its content is not of its kind.
	//
	// Cause: a quote is missing, an escape is unknown, or a date does not exist.
	// Example: SELECT DATE '2020-02-31'
	// Fix: correct the literal; a quote inside a string is written twice.
	InvalidLiteral Code = "invalid-literal"

	// LimitExceeded: a statement or a value is larger than mink takes.
	//
	// Cause: SQL text over 1 MB, nesting over 500 levels, or a configured size limit.
	// Fix: split the statement, or raise the limit the message names.
	LimitExceeded Code = "limit-exceeded"

	// Unsupported: a feature of Flink's that mink does not have; the message says "not supported yet".
	//
	// Cause: the statement is valid in Flink, but mink cannot plan it.
	// Fix: use the form the hint names, or run the script on Flink with `mink deploy`.
	Unsupported Code = "unsupported"

	// UnsupportedByFlink: the statement parses, and Flink refuses it too.
	//
	// Cause: Flink's grammar takes the form but its planner has nothing for it.
	// Example: UPSERT INTO t VALUES (1)
	// Fix: use the form the message names; Flink would refuse this one as well.
	UnsupportedByFlink Code = "unsupported-by-flink"

	// UnknownTable: no table, view or named query of that name.
	//
	// Cause: a misspelt name, or another current catalog or database.
	// Example: SELECT * FROM nope
	// Fix: SHOW TABLES lists the names; qualify as catalog.database.table.
	UnknownTable Code = "unknown-table"

	// UnknownColumn: no column of that name in reach.
	//
	// Cause: a misspelt name (letter case counts), or a column not visible there.
	// Example: SELECT nope FROM (VALUES (1)) AS t (a)
	// Fix: DESCRIBE shows the columns; an alias of the same SELECT is no column in WHERE.
	UnknownColumn Code = "unknown-column"

	// AmbiguousColumn: a column name fits several inputs.
	//
	// Cause: two joined tables have a column of that name.
	// Example: SELECT a FROM (VALUES (1)) AS t (a), (VALUES (2)) AS u (a)
	// Fix: write the table name or alias before it: t.a.
	AmbiguousColumn Code = "ambiguous-column"

	// UnknownFunction: no function of that name.
	//
	// Cause: a misspelt name, or a user function that was not created here.
	// Example: SELECT NOPE(1)
	// Fix: SHOW FUNCTIONS lists the names.
	UnknownFunction Code = "unknown-function"

	// InvalidArgument: a function or clause got an argument it does not take.
	//
	// Cause: wrong number or types of arguments, or a value outside its range.
	// Example: SELECT UPPER(1, 2)
	// Fix: the message lists the accepted forms.
	InvalidArgument Code = "invalid-argument"

	// InvalidQuery: the parts of a query do not fit together.
	//
	// Cause: such as a column that is neither grouped nor aggregated, or sides of a UNION of different width.
	// Example: SELECT a, COUNT(*) FROM (VALUES (1, 2)) AS t (a, b) GROUP BY b
	// Fix: the message names the clause that has to change.
	InvalidQuery Code = "invalid-query"

	// TypeMismatch: types do not fit together.
	//
	// Cause: operands, branches or columns of types with no common type.
	// Example: SELECT 1 + 'a'
	// Fix: CAST one side to the type of the other.
	TypeMismatch Code = "type-mismatch"

	// InvalidCast: a value cannot become that type.
	//
	// Cause: no cast exists between the two types, or the text is no value of the type.
	// Example: SELECT CAST(DATE '2020-01-01' AS INT)
	// Fix: choose another type; TRY_CAST gives NULL for values that do not fit.
	InvalidCast Code = "invalid-cast"

	// DuplicateName: a name is declared twice in one place.
	//
	// Cause: two columns, options or named windows of one name.
	// Example: CREATE TABLE t (a INT, a STRING)
	// Fix: rename one of them.
	DuplicateName Code = "duplicate-name"

	// AlreadyExists: the object to create is already there.
	//
	// Cause: CREATE of a catalog, database, table, view, function or model that exists.
	// Example: CREATE DATABASE default_database
	// Fix: add IF NOT EXISTS, or drop the old one first.
	AlreadyExists Code = "already-exists"

	// NotFound: the object a statement names is not there.
	//
	// Cause: a misspelt catalog, database, function, model, module or job.
	// Example: USE CATALOG nope
	// Fix: the SHOW statement of the kind lists the names; DROP takes IF EXISTS.
	NotFound Code = "not-found"

	// UnknownOption: an option the connector, format or setting does not have.
	//
	// Cause: a misspelt key in WITH, in an OPTIONS hint, or after SET.
	// Example: SET 'mink.nope' = '1'
	// Fix: the message names the nearest key and lists the others.
	UnknownOption Code = "unknown-option"

	// InvalidOption: an option's value is not of its type or outside its range.
	//
	// Cause: such as 'rows-per-second' = 'many'.
	// Example: SET 'parallelism.default' = 'many'
	// Fix: the message says which values are taken.
	InvalidOption Code = "invalid-option"

	// MissingOption: a required option is not given.
	//
	// Cause: the connector or format cannot work without it.
	// Example: CREATE TABLE t (a INT) WITH ('connector' = 'filesystem'); SELECT * FROM t
	// Fix: add the key the message names to WITH.
	MissingOption Code = "missing-option"

	// Config: mink's own configuration is wrong.
	//
	// Cause: a bad value in a flag, a configuration file or a SET statement.
	// Fix: the message names the key and what it takes.
	Config Code = "config"

	// SchemaMismatch: a query does not fit the table it is written to.
	//
	// Cause: another number of columns, or a type with no implicit cast to the sink's.
	// Example: CREATE TABLE t (a INT) WITH ('connector' = 'blackhole'); INSERT INTO t VALUES ('x')
	// Fix: list the columns after INSERT INTO, or CAST to the types the message shows.
	SchemaMismatch Code = "schema-mismatch"

	// ChangelogMismatch: an operator or sink cannot take the changes it would get.
	//
	// Cause: an updating query into an append-only sink, or updates into an operator that takes inserts only.
	// Example: CREATE TABLE t (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv'); INSERT INTO t SELECT COUNT(*) FROM (VALUES (1)) AS v (a)
	// Fix: use an upsert or retract sink, or a query that only appends, such as a window aggregate.
	ChangelogMismatch Code = "changelog-mismatch"

	// NonDeterministicUpdate: an update may not find the row it takes back.
	//
	// Cause: a value is computed anew for a retraction, by a function such as CURRENT_TIMESTAMP, RAND or UUID or by a lookup, and may differ from the one that was given out.
	// Example: SET 'table.optimizer.non-deterministic-update.strategy' = 'TRY_RESOLVE'; CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UB,UA,D'); SELECT a, UUID() FROM t
	// Fix: compute it before the updating part of the query, or give the stream an upsert key.
	NonDeterministicUpdate Code = "ndu-in-update-path"

	// MissingPrimaryKey: a primary key is needed and not declared.
	//
	// Cause: an upsert source or sink, or a versioned table, without PRIMARY KEY.
	// Example: CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'changelog-json', 'changelog-mode' = 'I,UA,D'); SELECT * FROM t
	// Fix: declare PRIMARY KEY (...) NOT ENFORCED on the table.
	MissingPrimaryKey Code = "missing-primary-key"

	// InvalidWatermark: a watermark or time attribute cannot be used so.
	//
	// Cause: the column is not TIMESTAMP(p <= 3) or TIMESTAMP_LTZ(p <= 3), or a time attribute is needed and missing.
	// Example: CREATE TABLE t (a INT, WATERMARK FOR a AS a)
	// Fix: declare WATERMARK FOR ts AS ts - INTERVAL '5' SECOND on a timestamp column.
	InvalidWatermark Code = "invalid-watermark"

	// DivisionByZero: an integer or decimal was divided by zero.
	//
	// Cause: the divisor was 0 in some row.
	// Example: SELECT 1 / 0
	// Fix: guard it: a / NULLIF(b, 0).
	DivisionByZero Code = "division-by-zero"

	// NumericOverflow: a number does not fit its type.
	//
	// Cause: a literal or a computed value outside the range of the type.
	// Example: SELECT 99999999999999999999999999999999999999999
	// Fix: CAST to a wider type before computing.
	NumericOverflow Code = "numeric-overflow"

	// NotNullViolation: NULL came to a NOT NULL column.
	//
	// Cause: a row written to a table has NULL in a column declared NOT NULL.
	// Fix: filter or COALESCE the value, or SET 'table.exec.sink.not-null-enforcer' = 'DROP'.
	NotNullViolation Code = "not-null-violation"

	// DuplicateKey: rows that are not each other's updates have one primary key.
	//
	// Cause: a query whose own key is not the sink's gave two rows for one of its keys, under ON CONFLICT DO ERROR.
	// Fix: ON CONFLICT DO NOTHING keeps the first of them, DO DEDUPLICATE the last; or group by the sink's key.
	DuplicateKey Code = "duplicate-key"

	// MalformedRecord: an input record cannot be decoded.
	//
	// Cause: the bytes are not of the format, or a field is not of its column's type.
	// Fix: correct the input at the position named, or use the format's option to ignore parse errors.
	MalformedRecord Code = "malformed-record"

	// IO: reading or writing outside mink failed.
	//
	// Cause: a file, socket or service could not be read, written or reached.
	// Example: CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = 'nope.csv', 'format' = 'csv'); SELECT * FROM t
	// Fix: the message has the path or address and what the system said.
	IO Code = "io"

	// Permission: access is refused.
	//
	// Cause: a path outside the allowed roots, a missing token, or rights of the system.
	// Fix: the message names what is allowed and the option that changes it.
	Permission Code = "permission"

	// UserFunction: the code of a user function failed.
	//
	// Cause: it raised an exception, gave a value of another type than it declares, or its process ended or did not answer.
	// Fix: the message has its error and the notes its traceback; correct the code, or what it is called with.
	UserFunction Code = "user-function"

	// Checkpoint: a checkpoint or savepoint cannot be taken, read or restored.
	//
	// Cause: damaged or missing files, or state that does not fit the plan.
	// Fix: restore from an older checkpoint; `mink plan` shows which state a changed script keeps.
	Checkpoint Code = "checkpoint"

	// InvalidTape: a tape cannot be read, or is not of this script.
	//
	// Cause: the file is no tape, is damaged, or was recorded by another version of mink.
	// Fix: the message names the part; `mink tape info` shows what can still be read.
	InvalidTape Code = "invalid-tape"

	// Divergence: a replayed run is not the recorded one.
	//
	// Cause: an input that was read again has changed, the build is another one, or a step is not a function of what it was given.
	// Fix: the message names task, step and operator; record with --embed to keep the inputs on the tape.
	Divergence Code = "divergence"

	// Coverage: tests reach less of their jobs than was asked for.
	//
	// Cause: mink test --cover-min asks for a share of operators, predicates and paths that no test run reached.
	// Fix: the report lists what was not reached, with its line; add a test for it, or lower the share.
	Coverage Code = "coverage"

	// Cassette: a call to the outside is not on the test's cassette, or its answer is another one now.
	//
	// Cause: a test asks a model, a lookup table or a function outside of the process, which tests do not reach by themselves.
	// Fix: run it once with mink test --cassettes record, read what was recorded, and keep the file beside the test.
	Cassette Code = "cassette"

	// Endless: a simulated run does not come to an end.
	//
	// Cause: the job fails again after each restart, or always has something left to do, however many steps it takes.
	// Fix: the message has the failure that repeats; mink debug opens the run where a line debug: says so.
	Endless Code = "endless"

	// JobFailed: a running job failed and is not restarted any more.
	//
	// Cause: the error shown below it, repeated past the restart strategy's limit.
	// Fix: correct the cause and resume from the last checkpoint.
	JobFailed Code = "job-failed"

	// Conflict: two writers change the same rows, or one object of a catalog, at the same time.
	//
	// Cause: the second of two UPDATE, DELETE or TRUNCATE to come to its end, or of two sessions that alter what a catalog on disk keeps; the first one stands.
	// Fix: look at what is there now and run the statement again.
	Conflict Code = "conflict"

	// DataLoss: rows that were promised are gone, outside of mink.
	//
	// Cause: a broker aborted a prepared transaction before it could be committed, or deleted records that were not read yet.
	// Fix: the message says which rows and which setting keeps them for longer; what is lost has to be read or written again.
	DataLoss Code = "data-loss"

	// Cancelled: the work was cancelled or ran out of time.
	//
	// Cause: the user, a timeout or a stopping cluster ended it.
	// Fix: run it again, with a longer time limit if there was one.
	Cancelled Code = "cancelled"

	// Internal: mink broke one of its own rules. It is a defect.
	//
	// Cause: not the statement.
	// Fix: please report it with the statement; `mink doctor` collects what helps.
	Internal Code = "internal"
)

// CodeInfo documents a code.
type CodeInfo struct {
	Code    Code
	Summary string // one sentence
	Cause   string
	Example string // SQL that gives the code, or ""
	Better  string // the same SQL mended, or ""
	Fix     string
}

// All lists every code with its documentation, in the order of this file.
func All() []CodeInfo {
	return []CodeInfo{
		{
			Code: Syntax, Summary: "the text is not a statement of the dialect",
			Cause:   "a word, sign or literal stands where the grammar has no place for it",
			Example: "SELECT a FORM t",
			Fix:     "look at the caret; the message says what was found and what may stand there",
		},
		{
			Code: ReservedWord, Summary: "a reserved word is used as a name",
			Cause:   "words such as TIMESTAMP, VALUE or ORDER belong to the grammar",
			Example: "CREATE TABLE t (value INT)",
			Fix:     "quote the name with backticks: `value`",
		},
		{
			Code: InvalidLiteral, Summary: "a literal is not closed or its content is not of its kind",
			Cause:   "a quote is missing, an escape is unknown, or a date does not exist",
			Example: "SELECT DATE '2020-02-31'",
			Fix:     "correct the literal; a quote inside a string is written twice",
		},
		{
			Code: LimitExceeded, Summary: "a statement or a value is larger than mink takes",
			Cause: "SQL text over 1 MB, nesting over 500 levels, or a configured size limit",
			Fix:   "split the statement, or raise the limit the message names",
		},
		{
			Code: Unsupported, Summary: `a feature of Flink's that mink does not have; the message says "not supported yet"`,
			Cause: "the statement is valid in Flink, but mink cannot plan it",
			Fix:   "use the form the hint names, or run the script on Flink with `mink deploy`",
		},
		{
			Code: UnsupportedByFlink, Summary: "the statement parses, and Flink refuses it too",
			Cause:   "Flink's grammar takes the form but its planner has nothing for it",
			Example: "UPSERT INTO t VALUES (1)",
			Fix:     "use the form the message names; Flink would refuse this one as well",
		},
		{
			Code: UnknownTable, Summary: "no table, view or named query of that name",
			Cause:   "a misspelt name, or another current catalog or database",
			Example: "SELECT * FROM nope",
			Fix:     "SHOW TABLES lists the names; qualify as catalog.database.table",
		},
		{
			Code: UnknownColumn, Summary: "no column of that name in reach",
			Cause:   "a misspelt name (letter case counts), or a column not visible there",
			Example: "SELECT nope FROM (VALUES (1)) AS t (a)",
			Fix:     "DESCRIBE shows the columns; an alias of the same SELECT is no column in WHERE",
		},
		{
			Code: AmbiguousColumn, Summary: "a column name fits several inputs",
			Cause:   "two joined tables have a column of that name",
			Example: "SELECT a FROM (VALUES (1)) AS t (a), (VALUES (2)) AS u (a)",
			Fix:     "write the table name or alias before it: t.a",
		},
		{
			Code: UnknownFunction, Summary: "no function of that name",
			Cause:   "a misspelt name, or a user function that was not created here",
			Example: "SELECT NOPE(1)",
			Fix:     "SHOW FUNCTIONS lists the names",
		},
		{
			Code: InvalidArgument, Summary: "a function or clause got an argument it does not take",
			Cause:   "wrong number or types of arguments, or a value outside its range",
			Example: "SELECT UPPER(1, 2)",
			Fix:     "the message lists the accepted forms",
		},
		{
			Code: InvalidQuery, Summary: "the parts of a query do not fit together",
			Cause:   "such as a column that is neither grouped nor aggregated, or sides of a UNION of different width",
			Example: "SELECT a, COUNT(*) FROM (VALUES (1, 2)) AS t (a, b) GROUP BY b",
			Fix:     "the message names the clause that has to change",
		},
		{
			Code: TypeMismatch, Summary: "types do not fit together",
			Cause:   "operands, branches or columns of types with no common type",
			Example: "SELECT 1 + 'a'",
			Fix:     "CAST one side to the type of the other",
		},
		{
			Code: InvalidCast, Summary: "a value cannot become that type",
			Cause:   "no cast exists between the two types, or the text is no value of the type",
			Example: "SELECT CAST(DATE '2020-01-01' AS INT)",
			Fix:     "choose another type; TRY_CAST gives NULL for values that do not fit",
		},
		{
			Code: DuplicateName, Summary: "a name is declared twice in one place",
			Cause:   "two columns, options or named windows of one name",
			Example: "CREATE TABLE t (a INT, a STRING)",
			Fix:     "rename one of them",
		},
		{
			Code: AlreadyExists, Summary: "the object to create is already there",
			Cause:   "CREATE of a catalog, database, table, view, function or model that exists",
			Example: "CREATE DATABASE default_database",
			Fix:     "add IF NOT EXISTS, or drop the old one first",
		},
		{
			Code: NotFound, Summary: "the object a statement names is not there",
			Cause:   "a misspelt catalog, database, function, model, module or job",
			Example: "USE CATALOG nope",
			Fix:     "the SHOW statement of the kind lists the names; DROP takes IF EXISTS",
		},
		{
			Code: UnknownOption, Summary: "an option the connector, format or setting does not have",
			Cause:   "a misspelt key in WITH, in an OPTIONS hint, or after SET",
			Example: "SET 'mink.nope' = '1'",
			Fix:     "the message names the nearest key and lists the others",
		},
		{
			Code: InvalidOption, Summary: "an option's value is not of its type or outside its range",
			Cause:   "such as 'rows-per-second' = 'many'",
			Example: "SET 'parallelism.default' = 'many'",
			Fix:     "the message says which values are taken",
		},
		{
			Code: MissingOption, Summary: "a required option is not given",
			Cause:   "the connector or format cannot work without it",
			Example: "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem'); SELECT * FROM t",
			Fix:     "add the key the message names to WITH",
		},
		{
			Code: Config, Summary: "mink's own configuration is wrong",
			Cause: "a bad value in a flag, a configuration file or a SET statement",
			Fix:   "the message names the key and what it takes",
		},
		{
			Code: SchemaMismatch, Summary: "a query does not fit the table it is written to",
			Cause:   "another number of columns, or a type with no implicit cast to the sink's",
			Example: "CREATE TABLE t (a INT) WITH ('connector' = 'blackhole'); INSERT INTO t VALUES ('x')",
			Fix:     "list the columns after INSERT INTO, or CAST to the types the message shows",
		},
		{
			Code: ChangelogMismatch, Summary: "an operator or sink cannot take the changes it would get",
			Cause:   "an updating query into an append-only sink, or updates into an operator that takes inserts only",
			Example: "CREATE TABLE t (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv'); INSERT INTO t SELECT COUNT(*) FROM (VALUES (1)) AS v (a)",
			Fix:     "use an upsert or retract sink, or a query that only appends, such as a window aggregate",
		},
		{
			Code: NonDeterministicUpdate, Summary: "an update may not find the row it takes back",
			Cause:   "a value is computed anew for a retraction, by a function such as CURRENT_TIMESTAMP, RAND or UUID or by a lookup, and may differ from the one that was given out",
			Example: "SET 'table.optimizer.non-deterministic-update.strategy' = 'TRY_RESOLVE'; CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UB,UA,D'); SELECT a, UUID() FROM t",
			Fix:     "compute it before the updating part of the query, or give the stream an upsert key",
		},
		{
			Code: MissingPrimaryKey, Summary: "a primary key is needed and not declared",
			Cause:   "an upsert source or sink, or a versioned table, without PRIMARY KEY",
			Example: "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'changelog-json', 'changelog-mode' = 'I,UA,D'); SELECT * FROM t",
			Fix:     "declare PRIMARY KEY (...) NOT ENFORCED on the table",
		},
		{
			Code: InvalidWatermark, Summary: "a watermark or time attribute cannot be used so",
			Cause:   "the column is not TIMESTAMP(p <= 3) or TIMESTAMP_LTZ(p <= 3), or a time attribute is needed and missing",
			Example: "CREATE TABLE t (a INT, WATERMARK FOR a AS a)",
			Fix:     "declare WATERMARK FOR ts AS ts - INTERVAL '5' SECOND on a timestamp column",
		},
		{
			Code: DivisionByZero, Summary: "an integer or decimal was divided by zero",
			Cause:   "the divisor was 0 in some row",
			Example: "SELECT 1 / 0",
			Fix:     "guard it: a / NULLIF(b, 0)",
		},
		{
			Code: NumericOverflow, Summary: "a number does not fit its type",
			Cause:   "a literal or a computed value outside the range of the type",
			Example: "SELECT 99999999999999999999999999999999999999999",
			Fix:     "CAST to a wider type before computing",
		},
		{
			Code: NotNullViolation, Summary: "NULL came to a NOT NULL column",
			Cause: "a row written to a table has NULL in a column declared NOT NULL",
			Fix:   "filter or COALESCE the value, or SET 'table.exec.sink.not-null-enforcer' = 'DROP'",
		},
		{
			Code: DuplicateKey, Summary: "rows that are not each other's updates have one primary key",
			Cause: "a query whose own key is not the sink's gave two rows for one of its keys, under ON CONFLICT DO ERROR",
			Fix:   "ON CONFLICT DO NOTHING keeps the first of them, DO DEDUPLICATE the last; or group by the sink's key",
		},
		{
			Code: MalformedRecord, Summary: "an input record cannot be decoded",
			Cause: "the bytes are not of the format, or a field is not of its column's type",
			Fix:   "correct the input at the position named, or use the format's option to ignore parse errors",
		},
		{
			Code: IO, Summary: "reading or writing outside mink failed",
			Cause:   "a file, socket or service could not be read, written or reached",
			Example: "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = 'nope.csv', 'format' = 'csv'); SELECT * FROM t",
			Fix:     "the message has the path or address and what the system said",
		},
		{
			Code: Permission, Summary: "access is refused",
			Cause: "a path outside the allowed roots, a missing token, or rights of the system",
			Fix:   "the message names what is allowed and the option that changes it",
		},
		{
			Code: UserFunction, Summary: "the code of a user function failed",
			Cause: "it raised an exception, gave a value of another type than it declares, or its process ended or did not answer",
			Fix:   "the message has its error and the notes its traceback; correct the code, or what it is called with",
		},
		{
			Code: Checkpoint, Summary: "a checkpoint or savepoint cannot be taken, read or restored",
			Cause: "damaged or missing files, or state that does not fit the plan",
			Fix:   "restore from an older checkpoint; `mink plan` shows which state a changed script keeps",
		},
		{
			Code: InvalidTape, Summary: "a tape cannot be read, or is not of this script",
			Cause: "the file is no tape, is damaged, or was recorded by another version of mink",
			Fix:   "the message names the part; `mink tape info` shows what can still be read",
		},
		{
			Code: Divergence, Summary: "a replayed run is not the recorded one",
			Cause: "an input that was read again has changed, the build is another one, or a step is not a function of what it was given",
			Fix:   "the message names task, step and operator; record with --embed to keep the inputs on the tape",
		},
		{
			Code: Coverage, Summary: "tests reach less of their jobs than was asked for",
			Cause: "mink test --cover-min asks for a share of operators, predicates and paths that no test run reached",
			Fix:   "the report lists what was not reached, with its line; add a test for it, or lower the share",
		},
		{
			Code: Cassette, Summary: "a call to the outside is not on the test's cassette, or its answer is another one now",
			Cause: "a test asks a model, a lookup table or a function outside of the process, which tests do not reach by themselves",
			Fix:   "run it once with mink test --cassettes record, read what was recorded, and keep the file beside the test",
		},
		{
			Code: Endless, Summary: "a simulated run does not come to an end",
			Cause: "the job fails again after each restart, or always has something left to do, however many steps it takes",
			Fix:   "the message has the failure that repeats; mink debug opens the run where a line debug: says so",
		},
		{
			Code: JobFailed, Summary: "a running job failed and is not restarted any more",
			Cause: "the error shown below it, repeated past the restart strategy's limit",
			Fix:   "correct the cause and resume from the last checkpoint",
		},
		{
			Code: Conflict, Summary: "two writers change the same rows, or one object of a catalog, at the same time",
			Cause: "the second of two UPDATE, DELETE or TRUNCATE to come to its end, or of two sessions that alter what a catalog on disk keeps; the first one stands",
			Fix:   "look at what is there now and run the statement again",
		},
		{
			Code: DataLoss, Summary: "rows that were promised are gone, outside of mink",
			Cause: "a broker aborted a prepared transaction before it could be committed, or deleted records that were not read yet",
			Fix:   "the message says which rows and which setting keeps them for longer; what is lost has to be read or written again",
		},
		{
			Code: Cancelled, Summary: "the work was cancelled or ran out of time",
			Cause: "the user, a timeout or a stopping cluster ended it",
			Fix:   "run it again, with a longer time limit if there was one",
		},
		{
			Code: Internal, Summary: "mink broke one of its own rules; it is a defect",
			Cause: "not the statement",
			Fix:   "please report it with the statement; `mink doctor` collects what helps",
		},
	}
}

// Explain returns the documentation of a code.
func Explain(c Code) (CodeInfo, bool) {
	for _, info := range All() {
		if info.Code == c {
			return info, true
		}
	}
	return CodeInfo{}, false
}
