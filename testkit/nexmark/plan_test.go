package nexmark_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/minkstream/mink/testkit/nexmark"
)

// Every query gives the known result when it runs from its compiled plan, in a session
// that has none of its tables. That the plan is the same, node by node, EXECUTE PLAN
// checks.
func TestCompiledPlans(t *testing.T) {
	side := sideFile(t)
	queries(t, func(t *testing.T, q nexmark.Query) {
		r := prepare(t, q, 100_000, 1, nil, side, nil)
		defer r.engine.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		file := filepath.Join(t.TempDir(), "plan.json")
		if _, err := r.session.Execute(ctx, "COMPILE PLAN '"+file+"' FOR "+r.insert); err != nil {
			t.Fatal(show(r.insert, err))
		}
		for _, drop := range []string{"CREATE DATABASE elsewhere", "USE elsewhere"} {
			if _, err := r.session.Execute(ctx, drop); err != nil {
				t.Fatal(err)
			}
		}
		res, err := r.session.Execute(ctx, "EXECUTE PLAN '"+file+"'")
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Job.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		r.check(t)
	})
}
