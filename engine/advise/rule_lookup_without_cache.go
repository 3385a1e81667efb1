package advise

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var lookupWithoutCache = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "lookup-without-cache", Summary: "a lookup asks the table anew for every row",
		Cause: "the connector can keep what it has read, and the table does not ask for it, so each row costs a request",
		Fix:   "'lookup.cache' = 'PARTIAL' with 'lookup.partial-cache.max-rows' and 'lookup.partial-cache.expire-after-write', if rows a little old will do",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.LookupJoin) {
			c := p.connector(n.Conn.Options)
			if c == nil || !slices.ContainsFunc(c.Options, func(o connect.Option) bool { return o.Key == "lookup.cache" }) {
				return
			}
			if v := n.Conn.Options["lookup.cache"]; v != "" && !strings.EqualFold(v, "NONE") {
				return
			}
			p.report(n, "each row asks %s anew", n.Table).
				WithHint("'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '10000', 'lookup.partial-cache.expire-after-write' = '1 min'")
		})
	},
}
