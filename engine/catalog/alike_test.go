package catalog

import (
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// TestNextSession runs a script's CREATE statements in one session after another.
func TestNextSession(t *testing.T) {
	e, _, _ := diskEnv()
	store := NewStoreOn(mustOpen(t, e), Info{})
	store.Outlives = true
	in := func(cat string, mk func(name, connector string) *Table, connector string) *Table {
		o := mk("orders", connector)
		o.Path = Path{cat, DefaultDatabase, "orders"}
		return o
	}
	if err := store.CreateDatabase(DefaultCatalog, DefaultDatabase, Info{}); err != nil {
		t.Fatal(err)
	}
	create := func(s *Session, cat, connector string) error {
		return s.Create(in(cat, table, connector), false, false)
	}
	memory := func(s *Session, name string) error {
		return s.CreateCatalog(name, Info{Options: connect.Options{"type": InMemory}}, NewMemory(DefaultDatabase))
	}
	for i := range 3 {
		s := NewSession(store, &Host{})
		for what, err := range map[string]error{
			"table":    create(s, DefaultCatalog, "print"),
			"database": s.CreateDatabase(DefaultCatalog, "shop", Info{Comment: "x"}),
			"catalog":  memory(s, "m"),
		} {
			if err != nil {
				t.Errorf("session %d: %s: %v", i, what, err)
			}
		}
		if err := create(s, "m", "print"); err != nil {
			t.Errorf("session %d, in memory: %v", i, err)
		}
		for what, err := range map[string]error{
			"table":    create(s, DefaultCatalog, "print"),
			"database": s.CreateDatabase(DefaultCatalog, "shop", Info{Comment: "x"}),
			"catalog":  memory(s, "m"),
		} {
			if diag.CodeOf(err) != diag.AlreadyExists {
				t.Errorf("session %d, a second %s: %v", i, what, err)
			}
		}
	}
	s := NewSession(store, &Host{})
	if err := create(s, DefaultCatalog, "blackhole"); diag.CodeOf(err) != diag.AlreadyExists || !strings.Contains(diag.As(err).Hint, "word for word") {
		t.Errorf("another definition: %v", err)
	}
	if err := s.CreateDatabase(DefaultCatalog, "shop", Info{Comment: "y"}); diag.CodeOf(err) != diag.AlreadyExists {
		t.Errorf("another database: %v", err)
	}
	// A catalog on disk is there for the next session in Apache Flink, too.
	if err := s.CreateCatalog("c", Info{Options: connect.Options{"type": OnDisk}}, mustOpen(t, e)); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(table("t", "print"), false, false); err != nil {
		t.Fatal(err)
	}
	if err := NewSession(store, &Host{}).Create(table("t", "print"), false, false); diag.CodeOf(err) != diag.AlreadyExists {
		t.Errorf("in a catalog on disk: %v", err)
	}
}
