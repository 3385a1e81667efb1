package rest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/probe"
)

// jobLog gives the lines about a job in the logs of all processes, by time. Query: vertex (its
// name) and subtask choose, from is next of an answer before.
func (m *JobManager) jobLog(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	q := probe.LinesOf{Job: j.ID, Vertex: r.URL.Query().Get("vertex"), Subtask: -1}
	if s := r.URL.Query().Get("subtask"); s != "" {
		if q.Subtask, err = strconv.Atoi(s); err != nil || q.Subtask < 0 {
			return nil, badParameter("query", "subtask", s)
		}
	}
	from := map[string]string{}
	if s := r.URL.Query().Get("from"); s != "" {
		raw, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil || json.Unmarshal(raw, &from) != nil {
			return nil, badParameter("query", "from", s)
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), askWithin)
	defer cancel()
	out := wire.JobLog{Lines: []json.RawMessage{}}
	type line struct {
		at   string
		text string
	}
	var all []line
	for name, p := range m.o.Processes.Logs() {
		q := q
		q.From = from[name]
		lines, err := p.Lines(ctx, q)
		if err != nil {
			// Others have lines all the same; who asks hears that these are missing.
			out.Missing = append(out.Missing, name+": "+trace(err))
			continue
		}
		from[name] = lines.Next
		out.More = out.More || lines.More
		for _, l := range lines.Lines {
			var x struct{ Time string }
			_ = json.Unmarshal([]byte(l), &x) // it has been read as JSON before
			all = append(all, line{x.Time, l})
		}
	}
	slices.Sort(out.Missing)
	slices.SortStableFunc(all, func(a, b line) int { return strings.Compare(a.at, b.at) })
	for _, l := range all {
		out.Lines = append(out.Lines, json.RawMessage(l.text))
	}
	raw, err := json.Marshal(from)
	if err != nil {
		return nil, err
	}
	out.Next = base64.RawURLEncoding.EncodeToString(raw)
	return out, nil
}
