// Package kernel holds the loops that compute columns from columns.
package kernel

import (
	"time"

	"github.com/minkstream/mink/engine/batch"
)

// AppendText writes the value of a lane as CAST(... AS STRING) does, NULL as
// "NULL". Times with local zone are shown in zone; nil is UTC.
func AppendText(dst []byte, c *batch.Col, lane int, zone *time.Location) []byte { return dst }
