package flink

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/minkstream/mink/testkit/sqltest"
)

const (
	root = "../.."
	// agreementMin is how many of a hundred sections have the same answer, at least.
	agreementMin = 98
)

// TestFlink runs the suite on Apache Flink: MINK_FLINK=1, which make test-flink sets.
// Answers of earlier runs to what has not changed hold; MINK_FLINK=fresh asks anew.
// MINK_FLINK_FILES=a,b narrows it to files that begin so, and then writes no page.
// MINK_FLINK_SAY=1 shows Flink's answer where a difference has its reason, too.
// MINK_FLINK_FILL=1 fills in the results of sections that have a "?" below the dashes.
func TestFlink(t *testing.T) {
	if os.Getenv("MINK_FLINK") == "" {
		t.Skip("Apache Flink: make test-flink")
	}
	match := os.Getenv("MINK_FLINK_FILES")
	jobs, err := Jobs(filepath.Join(root, "testkit/sqltest/testdata"), match)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	answers, err := Run(context.Background(), t.TempDir(), jobs, os.Getenv("MINK_FLINK") == "fresh")
	if errors.Is(err, ErrNotHere) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("MINK_FLINK_FILL") != "" {
		missing, err := Fill(filepath.Join(root, "testkit/sqltest/testdata"), answers)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range missing {
			t.Error(m)
		}
		return
	}
	list, err := Compare(jobs, answers)
	if err != nil {
		t.Fatal(err)
	}
	say := os.Getenv("MINK_FLINK_SAY") != ""
	for _, o := range list {
		if o.NotRun != "" || o.Verdict == sqltest.Same || o.Why != "" && !say {
			continue
		}
		said := o.Problem
		if o.Answer.Error != "" {
			said += "\n" + o.Answer.Phase + " " + o.Answer.Error
		}
		if o.Why != "" {
			t.Logf("%s: %s\n%s\n%s", o.ID, o.Why, o.Section.SQL, said)
			continue
		}
		if o.Verdict == sqltest.SameTable {
			t.Logf("%s: same table, other changes\n%s\n%s", o.ID, o.Section.SQL, said)
			continue
		}
		t.Errorf("%s: Flink differs; mend mink or the section, or give the reason in differences.txt\n%s\n%s", o.ID, o.Section.SQL, said)
	}
	c := Add(list)
	t.Logf("Flink %s: %d sections in %.0f s: %d the same, %d same table, Flink fails on %d, %d differ with a reason, %d open, %d not run; %.1f %% agree",
		Version(), len(list), time.Since(begin).Seconds(), c.Same, c.SameTable, c.Refused, c.Explained, c.Open, c.NotRun, c.Agreement())
	if match != "" {
		return
	}
	if c.Agreement() < agreementMin {
		t.Errorf("%.1f %% agree, less than %d %%", c.Agreement(), agreementMin)
	}
	if err := os.WriteFile(filepath.Join(root, PagePath), []byte(Page(list)), 0o644); err != nil {
		t.Fatal(err)
	}
}
