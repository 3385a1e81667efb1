package plan

import (
	"encoding/json"
	"strings"
)

type jsonNode struct {
	ID           int         `json:"id"`
	Type         string      `json:"type"`
	Pact         string      `json:"pact"`
	Contents     string      `json:"contents"`
	Parallelism  int         `json:"parallelism"`
	Predecessors []jsonInput `json:"predecessors,omitempty"`
}

type jsonInput struct {
	ID   int    `json:"id"`
	Ship string `json:"ship_strategy"`
	Side string `json:"side"`
}

// JSON writes the nodes of a plan as Flink's execution plan: exchanges are the ship
// strategy of the edge they stand on.
func JSON(p *Physical) string {
	var nodes []jsonNode
	for _, n := range p.Nodes {
		if _, ok := n.(*Exchange); ok {
			continue
		}
		d := drawing{}
		j := jsonNode{ID: n.Info().ID, Type: n.Name() + "[" + itoa(n.Info().ID) + "]", Pact: "Operator", Contents: "[" + itoa(n.Info().ID) + "]:" + d.line(n), Parallelism: 1}
		switch n.(type) {
		case *Scan, *Values:
			j.Pact = "Data Source"
		case *Sink, *Collect:
			j.Pact = "Data Sink"
		}
		in := n.Inputs()
		for i, k := range in {
			e := jsonInput{Ship: "FORWARD", Side: "second"}
			if x, ok := k.(*Exchange); ok {
				e.Ship = strings.ToUpper([...]string{"hash", "global", "broadcast", "rebalance"}[x.Kind])
				k = x.In
			}
			if len(in) > 1 && i == 0 {
				e.Side = "first"
			}
			e.ID = k.Info().ID
			j.Predecessors = append(j.Predecessors, e)
		}
		nodes = append(nodes, j)
	}
	out, err := json.MarshalIndent(map[string]any{"nodes": nodes}, "", "  ")
	if err != nil {
		return "{}" // nothing in a node can fail to be written
	}
	return string(out)
}
