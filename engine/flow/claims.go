package flow

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
)

// claims reports what a checkpoint has and no vertex of the graph would take: keyed
// state, and positions in a table that the vertex of that uid does not read. With
// DiscardState those vertices are taken out of m instead, so that what has their uids
// begins empty, and a table at its beginning.
func (j *jobCore) claims(m *meta) error {
	kept := m.vertices[:0:0]
	for i := range m.vertices {
		v := &m.vertices[i]
		table, splits, err := v.source()
		if err != nil {
			return err
		}
		switch err := j.claim(v, m.final, table, len(splits)); {
		case err == nil:
			kept = append(kept, *v)
		case !j.cfg.DiscardState:
			return err
		}
	}
	m.vertices = kept
	return nil
}

// claim says why the graph has no place for a vertex of a checkpoint, which read so many
// splits of a table. After the end of a job, final, nobody misses what it had.
func (j *jobCore) claim(v *metaVertex, final bool, table string, splits int) error {
	unclaimed := func(format string, args ...any) error {
		return diag.New(diag.Checkpoint, format, args...).
			WithHint("'execution.state-recovery.ignore-unclaimed-state' = 'true' leaves such state out")
	}
	at := slices.IndexFunc(j.graph.Vertices, func(x *Vertex) bool { return x.UID == v.uid })
	if at < 0 {
		switch {
		case slices.ContainsFunc(v.subs, func(s metaSub) bool { return len(s.chain) > 0 }) && !final:
			return unclaimed("the checkpoint has state of %s, which the job does not have", v.name)
		case table != "" && splits > 0 && !final:
			return unclaimed("the checkpoint has positions in table %s, which the job does not read", table)
		}
		return nil
	}
	now := ""
	if src := j.graph.Vertices[at].Source; src != nil {
		if now = src.Table; now == "" {
			return nil
		}
	}
	switch {
	case now == table || table == "" && splits > 0:
		return nil
	case now == "":
		return unclaimed("the checkpoint has positions in table %s where the job has %s, which reads no table", table, j.graph.Vertices[at].Name)
	case table == "":
		return unclaimed("the checkpoint has state of %s where the job reads table %s", v.name, now)
	}
	return unclaimed("the checkpoint has positions in table %s where the job reads table %s", table, now)
}

// source is what all old subtasks of a vertex read: the table, "" for none or one
// without a name, and the splits by id.
func (v *metaVertex) source() (table string, list []splitState, err error) {
	for i := range v.subs {
		s, err := decodeInline(v.subs[i].inline)
		if err != nil {
			return "", nil, err
		}
		if s.table != "" {
			table = s.table
		}
		list = append(list, s.splits...)
	}
	slices.SortStableFunc(list, func(a, b splitState) int { return compareText(a.at.ID, b.at.ID) })
	return table, list, nil
}
