package flow

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// positions is what Config.SourcesOnly takes of a checkpoint: for each source of the
// graph the splits of the source that read the same table, the first for the first
// where several do. A table that was not read before begins at its beginning.
//
// Watermarks are left out, since nothing behind the sources knows of them. Committables
// are taken: rows up to the positions must be in the table, and whoever wrote the
// checkpoint may have died before it committed them. They go to the one sink that the
// graph has, whatever it is called.
func positions(m *meta, g *Graph, groups int) (*meta, error) {
	read := map[string][][]splitState{}
	for i := range m.vertices {
		table, splits, err := m.vertices[i].source()
		if err != nil {
			return nil, err
		}
		if table != "" {
			read[table] = append(read[table], splits)
		}
	}
	out := &meta{job: m.job, lineage: m.lineage, id: m.id, attempt: m.attempt, time: m.time, groups: groups, savepoint: m.savepoint}
	for _, v := range g.Vertices {
		if v.Source == nil || len(read[v.Source.Table]) == 0 {
			continue
		}
		list := read[v.Source.Table]
		read[v.Source.Table] = list[1:]
		e := encoder{}
		e.begin(inlineTable)
		e.str(v.Source.Table)
		e.end()
		for _, s := range list[0] {
			e.begin(inlineSplit)
			e.str(s.at.ID)
			e.bytes(s.at.Pos)
			e.i64(batch.NoWatermark)
			e.i64(batch.NoWatermark)
			e.bool(s.ended)
			e.end()
		}
		out.vertices = append(out.vertices, metaVertex{uid: v.UID, name: v.Name, subs: []metaSub{{inline: e.b}}})
	}
	sink, err := onlySink(g)
	if err != nil {
		return nil, err
	}
	for _, c := range m.commits {
		c.uid = sink
		out.commits = append(out.commits, c)
	}
	return out, nil
}

// onlySink is the sink of a graph with one.
func onlySink(g *Graph) (string, error) {
	uid, n := "", 0
	for _, v := range g.Vertices {
		for i := range v.Nodes {
			if v.Nodes[i].Sink != nil {
				uid = v.Nodes[i].UID
				n++
			}
		}
	}
	if n != 1 {
		return "", diag.New(diag.Checkpoint, "positions of a checkpoint are taken over by jobs with one sink, not %d", n)
	}
	return uid, nil
}
