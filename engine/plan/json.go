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
	width := widths(p)
	for _, n := range p.Nodes {
		if _, ok := n.(*Exchange); ok {
			continue
		}
		d := drawing{}
		j := jsonNode{ID: n.Info().ID, Type: n.Name() + "[" + itoa(n.Info().ID) + "]", Pact: "Operator", Contents: "[" + itoa(n.Info().ID) + "]:" + d.line(n), Parallelism: width[n]}
		switch n.(type) {
		case *Scan, *Values:
			j.Pact = "Data Source"
		case *Sink, *Collect:
			j.Pact = "Data Sink"
		}
		in := n.Inputs()
		for i, k := range in {
			e := jsonInput{Ship: "FORWARD", Side: "second"}
			if width[k] != width[n] {
				e.Ship = "REBALANCE"
			}
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

// widths are the numbers of subtasks of a plan's nodes.
func widths(p *Physical) map[Node]int {
	out := map[Node]int{}
	for _, n := range p.Nodes {
		w := 0
		switch n := n.(type) {
		case *Values, *Collect:
			w = 1
		case *Scan:
			w = n.Parallelism
		case *Sink:
			w = n.Parallelism
		}
		for _, in := range n.Inputs() {
			x, ok := in.(*Exchange)
			switch {
			case w > 0:
			case ok && x.Kind == ExchangeSingle:
				w = 1
			case !ok:
				out[n] = max(out[n], out[in]) // goes with what feeds it
			}
		}
		if w == 0 {
			w = out[n]
		}
		if w == 0 {
			w = max(p.Parallelism, 1)
		}
		out[n] = w
	}
	return out
}
