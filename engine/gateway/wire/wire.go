// Package wire has the bodies of Flink's SQL Gateway and JobManager REST interfaces, as
// both ends of mink use them: package rest writes them and package remote reads them.
//
// Names of fields and their order are Flink's, see its REST documentation; what mink adds
// travels in headers, because Flink's own client refuses fields that it does not know.
// Begin with Results, then type.go and value.go.
package wire

import "encoding/json"

// Headers that mink adds.
const (
	// OperationHeader stands on results: what a front end wants to know of the operation
	// beyond Flink's fields, as an Extra in JSON.
	OperationHeader = "Mink-Operation"
	// ErrorHeader stands on errors of statements, as a Failure in JSON.
	ErrorHeader = "Mink-Error"
	// MinkHeader stands on answers of paths that are mink's own.
	MinkHeader = "Mink-Version"
)

// Extra is what mink tells of an operation beyond Flink's fields.
type Extra struct {
	Streaming bool      `json:"streaming"`
	UpsertKey []int     `json:"upsertKey,omitempty"`
	Warnings  []Failure `json:"warnings,omitempty"`
}

// Failure is a mistake with its place in the statement.
type Failure struct {
	Code  string `json:"code"`
	Msg   string `json:"msg"`
	Start int    `json:"start,omitempty"`
	End   int    `json:"end,omitempty"`
	Hint  string `json:"hint,omitempty"`
	Notes []Note `json:"notes,omitempty"`
}

// Note points at a second place.
type Note struct {
	Start int    `json:"start,omitempty"`
	End   int    `json:"end,omitempty"`
	Msg   string `json:"msg"`
}

// Errors is the body of a response that is none.
type Errors struct {
	Errors []string `json:"errors"`
}

// Bodies of the gateway's sessions and operations.
type (
	// Info of the gateway.
	Info struct {
		Product string `json:"productName"`
		Version string `json:"version"`
	}
	// Versions of the interface.
	Versions struct {
		Versions []string `json:"versions"`
	}
	// OpenSession asks for one.
	OpenSession struct {
		Name       string            `json:"sessionName,omitempty"`
		Properties map[string]string `json:"properties,omitempty"`
	}
	// SessionHandle answers.
	SessionHandle struct {
		Session string `json:"sessionHandle"`
	}
	// SessionConfig is what is set in a session.
	SessionConfig struct {
		Properties map[string]string `json:"properties"`
	}
	// Statement asks for one to be run; ExecutionTimeout in milliseconds.
	Statement struct {
		Statement        string            `json:"statement"`
		ExecutionTimeout int64             `json:"executionTimeout,omitempty"`
		ExecutionConfig  map[string]string `json:"executionConfig,omitempty"`
	}
	// OperationHandle answers.
	OperationHandle struct {
		Operation string `json:"operationHandle"`
	}
	// Status of a session or operation.
	Status struct {
		Status string `json:"status"`
	}
	// Complete asks how a statement may go on.
	Complete struct {
		Statement string `json:"statement"`
		Position  int    `json:"position"`
	}
	// Candidates answer.
	Candidates struct {
		Candidates []string `json:"candidates"`
	}
	// Script asks for a script to be run.
	Script struct {
		Script          string            `json:"script,omitempty"`
		ScriptURI       string            `json:"scriptUri,omitempty"`
		ExecutionConfig map[string]string `json:"executionConfig,omitempty"`
	}
	// ClusterID answers.
	ClusterID struct {
		ID string `json:"clusterID"`
	}
	// Refresh asks for a materialized table to be refreshed.
	Refresh struct {
		Periodic         bool              `json:"isPeriodic"`
		ScheduleTime     string            `json:"scheduleTime,omitempty"`
		DynamicOptions   map[string]string `json:"dynamicOptions,omitempty"`
		StaticPartitions map[string]string `json:"staticPartitions,omitempty"`
		ExecutionConfig  map[string]string `json:"executionConfig,omitempty"`
	}
)

// Kinds of result pages.
const (
	NotReady = "NOT_READY"
	Payload  = "PAYLOAD"
	EOS      = "EOS"
)

// Results is a page of an operation's rows, as it is read. A page is written by the
// server piece by piece.
type Results struct {
	ResultType  string `json:"resultType"`
	Query       bool   `json:"isQueryResult"`
	JobID       string `json:"jobID"`
	ResultKind  string `json:"resultKind"`
	Rows        *Rows  `json:"results"`
	NextResults string `json:"nextResultUri"`
}

// Rows are the columns and rows of a page.
type Rows struct {
	Columns []Column `json:"columns"`
	Format  string   `json:"rowFormat"`
	Data    []Row    `json:"data"`
}

// Column of a result. Its comment may be null.
type Column struct {
	Name    string  `json:"name"`
	Type    Type    `json:"logicalType"`
	Comment *string `json:"comment"`
}

// Row is one change.
type Row struct {
	Kind   string            `json:"kind"`
	Fields []json.RawMessage `json:"fields"`
}
