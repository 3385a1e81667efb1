package wire

import "encoding/json"

// Bodies of answers about processes.
type (
	// Logs are the log files of a process.
	Logs struct {
		Logs []Log `json:"logs"`
	}
	// Log is one of them; the time is in milliseconds.
	Log struct {
		Name    string `json:"name"`
		Size    int64  `json:"size"`
		Written int64  `json:"mtime"`
	}
	// ThreadDump has the stacks of a process.
	ThreadDump struct {
		Threads []Thread `json:"threadInfos"`
	}
	// Thread is one of them.
	Thread struct {
		Name string `json:"threadName"`
		Text string `json:"stringifiedThreadInfo"`
	}
	// Flame is a flame graph: what was seen when, or why nothing was (a negative End).
	Flame struct {
		End  int64      `json:"endTimestamp"`
		Data *FlameNode `json:"data,omitempty"`
	}
	// FlameNode is a frame and what it calls.
	FlameNode struct {
		Name     string       `json:"name"`
		Value    int64        `json:"value"`
		Children []*FlameNode `json:"children"`
	}
	// ProfilingList lists the profiles of a process, newest first.
	ProfilingList struct {
		List []Profiling `json:"profilingList"`
	}
	// Profiling is one of them; the duration is in seconds.
	Profiling struct {
		Status    string  `json:"status"`
		Mode      string  `json:"mode"`
		Triggered int64   `json:"triggerTime"`
		Finished  *int64  `json:"finishedTime"`
		Duration  int64   `json:"duration"`
		Message   *string `json:"message"`
		File      *string `json:"outputFile"`
	}
	// ProfilingRequest starts one.
	ProfilingRequest struct {
		Mode     string `json:"mode"`
		Duration int64  `json:"duration"`
	}
	// Checked is what a gateway of mink says of a statement that was not run.
	Checked struct {
		Advice []Failure `json:"advice"`
	}
	// Described are the columns of a query that was not run.
	Described struct {
		Query   bool     `json:"query"`
		Changes bool     `json:"changes"`
		Columns []Column `json:"columns"`
	}
	// JobLog are lines of logs about a job, mink's own; Next is where the next answer begins,
	// More that there is one already, Missing whose logs are not in it.
	JobLog struct {
		Lines   []json.RawMessage `json:"lines"`
		Next    string            `json:"next"`
		More    bool              `json:"more,omitempty"`
		Missing []string          `json:"missing,omitempty"`
	}
)
