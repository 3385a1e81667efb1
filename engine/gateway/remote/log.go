package remote

import (
	"context"
	"net/url"
	"strconv"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway/wire"
)

// JobLog gives lines about a job in the logs of a cluster of mink: those of a vertex, unless
// it is "", and of a subtask, unless it is negative. from is Next of the answer before, "" for
// the first.
func (c *Client) JobLog(ctx context.Context, id, vertex string, subtask int, from string) (wire.JobLog, error) {
	q := url.Values{}
	if vertex != "" {
		q.Set("vertex", vertex)
	}
	if subtask >= 0 {
		q.Set("subtask", strconv.Itoa(subtask))
	}
	if from != "" {
		q.Set("from", from)
	}
	var out wire.JobLog
	err := c.live(ctx, "GET", livePath(id, "/log?"+q.Encode()), nil, &out)
	if diag.CodeOf(err) == diag.Unsupported {
		err = diag.New(diag.Unsupported, "the logs of a job on a cluster that is not mink's are not supported yet").
			WithHint("Flink's processes have logs of all jobs: GET /jobmanager/log and /taskmanagers/ID/log of its REST interface")
	}
	return out, named(err, id)
}
