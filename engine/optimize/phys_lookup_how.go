package optimize

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// lookupHow fills in how a table is read: what its connector can do, the LOOKUP hint,
// and then the options of the session.
func (o *optimizer) lookupHow(j *plan.LookupJoin, scan *logical.Scan, at diag.Span) error {
	mode, c := j.Hint, o.s.Config
	sync, async := true, false
	if w, ok := j.Lookup.(connect.Waiting); ok {
		sync, async = w.Modes()
	}
	// The hint is a wish: a table that can be asked in one way only is asked so.
	async = async && !(sync && strings.EqualFold(mode["async"], "false"))
	// As in Flink what is kept is read within the step where the table can be.
	async = async && (j.KeepKey == nil || !sync || strings.EqualFold(mode["async"], "true"))
	h := &plan.LookupHow{Async: async, Capacity: c.Int("table.exec.async-lookup.buffer-capacity"), Timeout: c.Duration("table.exec.async-lookup.timeout").Milliseconds()}
	h.Unordered = c.Enum("table.exec.async-lookup.output-mode") == "ALLOW_UNORDERED"
	if v, ok := mode["output-mode"]; ok {
		h.Unordered = strings.EqualFold(v, "allow_unordered")
	}
	if v, ok := mode["capacity"]; ok {
		h.Capacity, _ = strconv.Atoi(v) // checked by the binder, as are those below
		if h.Capacity < 1 && async {
			return diag.At(at, diag.InvalidOption, "'capacity' of the LOOKUP hint is a number of at least 1, not '%s'", v)
		}
	}
	if v, ok := mode["timeout"]; ok {
		d, _ := connect.ParseDuration(v)
		h.Timeout = d.Milliseconds()
	}
	if v, ok := mode["max-attempts"]; ok {
		d, _ := connect.ParseDuration(mode["fixed-delay"])
		h.Retries, _ = strconv.Atoi(v)
		h.Delay = d.Milliseconds()
	}
	if _, ok := j.Lookup.(connect.Waiting); ok {
		var err error
		if j.Cache, err = connect.ParseLookupCache(scan.Conn.Options); err != nil {
			return scan.Table.Misused(err, at)
		}
	}
	if j.Cache.Kind == "FULL" {
		return nil // the table is in memory: nothing to wait for
	}
	if !j.Info().AppendOnly() && h.Unordered {
		// Changes of one row must not overtake each other.
		key := shortest(j.In.Info().UpsertKeys)
		if !c.Bool("table.exec.async-lookup.key-ordered-enabled") || len(key) == 0 {
			h.Unordered = false
		} else {
			h.KeyOrder = key
		}
	}
	if async || h.Retries > 0 {
		j.How = h
	}
	return nil
}

// shuffled deals the rows of a lookup by its keys, where the hint asks for it.
func (o *optimizer) shuffled(in plan.Node, j *plan.LookupJoin) plan.Node {
	if !strings.EqualFold(j.Hint["shuffle"], "true") || !in.Info().AppendOnly() {
		return in
	}
	var keys []int
	for _, k := range j.Keys {
		if k >= 0 {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return in
	}
	return o.exchange(in, keys)
}

// keepable deals the rows of an updating input by their key, so that a lookup can keep
// what they found. Whether it has to is known when the plan is complete (ndu.go).
func (o *optimizer) keepable(in plan.Node, j *plan.LookupJoin) plan.Node {
	if o.batch || in.Info().AppendOnly() || !o.resolves() {
		return in
	}
	j.KeepKey, j.KeepUnique, j.TTL = shortest(in.Info().UpsertKeys), true, o.stateTTL(-1)
	if j.KeepKey == nil {
		// The whole row, but for the time at which it came by.
		j.KeepKey, j.KeepUnique = []int{}, false
		for i, f := range in.Info().Schema {
			if f.Type.Attr != types.Proctime {
				j.KeepKey = append(j.KeepKey, i)
			}
		}
	}
	return o.exchange(in, j.KeepKey)
}

// resolves tells whether updates that are not deterministic are to be made so.
func (o *optimizer) resolves() bool {
	return o.s.Config.Enum("table.optimizer.non-deterministic-update.strategy") == "TRY_RESOLVE"
}
