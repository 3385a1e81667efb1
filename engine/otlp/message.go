package otlp

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// Span is something that took its time. Each is a trace of its own, as in Flink.
type Span struct {
	// Scope is what the span is of, Name what it is.
	Scope, Name string
	Trace       [16]byte
	ID          [8]byte
	// Start and End are milliseconds since the epoch.
	Start, End int64
	Attributes []Attribute
	// Failed says that it ended in a failure, and Failure in which.
	Failed  bool
	Failure string
	Events  []Event
}

// Event is a moment in a span.
type Event struct {
	Name       string
	At         int64 // milliseconds since the epoch
	Attributes []Attribute
}

// Attribute has a string or an int64 for a Value.
type Attribute struct {
	Key   string
	Value any
}

// The request of OTLP in the JSON mapping of its protobuf: names in lowerCamelCase, 64-bit
// numbers as strings, enums as numbers, but ids in hex.
type (
	exportRequest struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope  `json:"scope"`
		Spans []span `json:"spans"`
	}
	scope struct {
		Name string `json:"name"`
	}
	span struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		Name       string     `json:"name"`
		Kind       int        `json:"kind"`
		Start      string     `json:"startTimeUnixNano"`
		End        string     `json:"endTimeUnixNano"`
		Attributes []keyValue `json:"attributes"`
		Events     []event    `json:"events,omitempty"`
		Status     *status    `json:"status,omitempty"`
	}
	event struct {
		Time       string     `json:"timeUnixNano"`
		Name       string     `json:"name"`
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	status struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code"`
	}
	keyValue struct {
		Key   string   `json:"key"`
		Value anyValue `json:"value"`
	}
	anyValue struct {
		String *string `json:"stringValue,omitempty"`
		Int    *string `json:"intValue,omitempty"`
	}
)

// Numbers of OTLP's enums.
const (
	kindInternal = 1
	statusError  = 2
)

// request writes spans; those of a scope that follow each other share its entry.
func request(who []Attribute, spans []Span) exportRequest {
	out := resourceSpans{Resource: resource{keyValues(who)}}
	for i := range spans {
		s := &spans[i]
		if n := len(out.ScopeSpans); n == 0 || out.ScopeSpans[n-1].Scope.Name != s.Scope {
			out.ScopeSpans = append(out.ScopeSpans, scopeSpans{Scope: scope{s.Scope}})
		}
		at := &out.ScopeSpans[len(out.ScopeSpans)-1]
		w := span{
			TraceID: hex.EncodeToString(s.Trace[:]), SpanID: hex.EncodeToString(s.ID[:]), Name: s.Name, Kind: kindInternal,
			Start: nanos(s.Start), End: nanos(max(s.Start, s.End)), Attributes: keyValues(s.Attributes),
		}
		for _, e := range s.Events {
			w.Events = append(w.Events, event{Time: nanos(e.At), Name: e.Name, Attributes: keyValues(e.Attributes)})
		}
		if s.Failed {
			w.Status = &status{Message: s.Failure, Code: statusError}
		}
		at.Spans = append(at.Spans, w)
	}
	return exportRequest{[]resourceSpans{out}}
}

func nanos(ms int64) string { return strconv.FormatInt(ms*1_000_000, 10) }

func keyValues(list []Attribute) []keyValue {
	out := make([]keyValue, len(list))
	for i, a := range list {
		out[i].Key = a.Key
		var text string
		switch v := a.Value.(type) {
		case int64:
			text = strconv.FormatInt(v, 10)
			out[i].Value.Int = &text
		default:
			text = fmt.Sprint(v)
			out[i].Value.String = &text
		}
	}
	return out
}

// refused reads of a collector's answer how many spans it left out.
func refused(answer []byte) (int, error) {
	var a struct {
		Partial struct {
			Rejected json.Number `json:"rejectedSpans"`
			Message  string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &a) != nil {
		return 0, nil // a collector that answers in another form has taken them
	}
	if n, err := a.Partial.Rejected.Int64(); err == nil && n > 0 {
		return int(n), fmt.Errorf("it left out %d spans: %s", n, a.Partial.Message)
	}
	return 0, nil
}
