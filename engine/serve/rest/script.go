package rest

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/sql/parse"
)

// deployScript runs a script in a session of its own, with the settings of the one that
// is named: INSERTs are submitted and go on, rows of queries go nowhere. Where Flink
// starts a cluster for the script, mink has the one at hand.
//
// It answers when all statements have been run. A script that does not parse is refused
// as a whole.
func (g *Gateway) deployScript(c *call) (any, error) {
	s, err := g.session(c, "deploy script")
	if err != nil {
		return nil, err
	}
	var body wire.Script
	if err := decode(c.Request, &body); err != nil {
		return nil, err
	}
	if body.ScriptURI != "" {
		return nil, faultf(http.StatusBadRequest, "mink opens no file that a request names: send the text as script")
	}
	items := parse.Script(body.Script)
	for _, it := range items {
		if it.Err != nil {
			return nil, failure(it.Err, body.Script)
		}
	}
	if len(items) == 0 {
		return nil, faultf(http.StatusBadRequest, "the script has no statement")
	}
	config, err := s.inner.Config(c.Context())
	if err != nil {
		return nil, err
	}
	for k, v := range body.ExecutionConfig {
		config[k] = v
	}
	inner, err := g.client.OpenSession(c.Context(), config)
	if err != nil {
		return nil, err
	}
	defer inner.Close()
	for _, it := range items {
		text := body.Script[it.Span.Start:it.Span.End]
		op, err := inner.Execute(c.Context(), text)
		if err != nil {
			return nil, failure(err, text)
		}
		if op.Result() == gateway.Query {
			go drain(op)
		}
	}
	if err := inner.Finish(); err != nil {
		return nil, failure(err, "")
	}
	return wire.ClusterID{ID: "mink"}, nil
}

// drain lets a query run whose rows nobody wants.
func drain(op gateway.Operation) {
	for {
		if _, err := op.Next(context.Background()); err != nil {
			if err != io.EOF {
				_ = op.Close()
			}
			return
		}
	}
}

// refresh refreshes a materialized table, as ALTER MATERIALIZED TABLE does.
func (g *Gateway) refresh(c *call) (any, error) {
	s, err := g.session(c, "refreshMaterializedTable")
	if err != nil {
		return nil, err
	}
	var body wire.Refresh
	if err := decode(c.Request, &body); err != nil {
		return nil, err
	}
	if len(body.DynamicOptions) > 0 {
		return nil, failure(diag.New(diag.Unsupported, "options of a refresh are not supported yet").WithHint("leave dynamicOptions empty"), "")
	}
	text := "ALTER MATERIALIZED TABLE " + identifier(c.PathValue("identifier")) + " REFRESH"
	if len(body.StaticPartitions) > 0 {
		var parts []string
		for _, k := range sortedKeys(body.StaticPartitions) {
			parts = append(parts, "`"+strings.ReplaceAll(k, "`", "``")+"` = "+literal(body.StaticPartitions[k]))
		}
		text += " PARTITION (" + strings.Join(parts, ", ") + ")"
	}
	op, err := s.start(wire.Statement{Statement: text, ExecutionConfig: body.ExecutionConfig}, nil)
	if err != nil {
		return nil, err
	}
	return wire.OperationHandle{Operation: op.id}, nil
}

// identifier quotes the parts of a name, unless it comes quoted.
func identifier(name string) string {
	var out []string
	for len(name) > 0 {
		var part string
		if name[0] == '`' {
			k := 1
			for k < len(name) && (name[k] != '`' || k+1 < len(name) && name[k+1] == '`') {
				if name[k] == '`' {
					k++
				}
				k++
			}
			part, name = strings.ReplaceAll(name[1:min(k, len(name))], "``", "`"), strings.TrimPrefix(name[min(k+1, len(name)):], ".")
		} else {
			part, name, _ = strings.Cut(name, ".")
		}
		out = append(out, "`"+strings.ReplaceAll(part, "`", "``")+"`")
	}
	return strings.Join(out, ".")
}
