package connect

import "github.com/minkstream/mink/engine/batch"

// Waiting is a Lookup whose reads may wait for the outside. Without it a table is read
// within the step, as tables in memory are.
type Waiting interface {
	// Modes says whether reads may be done within the step, and outside of it: then
	// LookupReader.Lookup is called from other goroutines, several at a time, and the
	// batches that it fills are the caller's.
	Modes() (sync, async bool)
}

// Scanner is a LookupReader that can give all rows of its table, for
// 'lookup.cache' = 'FULL'.
type Scanner interface {
	Scan(emit func(b *batch.Batch) error) error
}

// LookupCache is what a lookup keeps of the rows it has read.
type LookupCache struct {
	// Kind is NONE, PARTIAL or FULL.
	Kind string
	// RowsMax is the most keys a PARTIAL cache holds; 0 is without limit. A key is read
	// again when it was not asked for or not read for so many milliseconds; 0 is never.
	RowsMax                 int
	AfterAccess, AfterWrite int64
	// Missing keeps in mind keys without a row.
	Missing bool
	// Reload is when a FULL cache is read again.
	Reload Reload
}

// LookupOptions are the options of connectors that serve lookups.
func LookupOptions() []Option {
	return append([]Option{
		{Key: "lookup.cache", Type: Enum, Values: []string{"NONE", "PARTIAL", "FULL"}, Default: "NONE", Doc: "What a lookup keeps of what it read."},
		{Key: "lookup.partial-cache.max-rows", Type: Int, Doc: "The most keys of a partial cache; the one not asked for the longest goes first."},
		{Key: "lookup.partial-cache.expire-after-access", Type: Duration, Doc: "How long a key stays that nobody asks for."},
		{Key: "lookup.partial-cache.expire-after-write", Type: Duration, Doc: "How long a key stays before it is read again."},
		{Key: "lookup.partial-cache.cache-missing-key", Type: Bool, Default: "true", Doc: "Whether keys without a row are kept too."},
	}, ReloadOptions()...)
}

// ParseLookupCache reads those options.
func ParseLookupCache(o Options) (LookupCache, error) {
	c := LookupCache{Missing: true}
	var err error
	if c.Kind, err = o.Enum("lookup.cache", "NONE", "NONE", "PARTIAL", "FULL"); err != nil || c.Kind == "NONE" {
		return c, err
	}
	ms := func(key string) int64 {
		d, e := o.Duration(key, 0)
		if e != nil && err == nil {
			err = e
		}
		return d.Milliseconds()
	}
	c.AfterAccess = ms("lookup.partial-cache.expire-after-access")
	c.AfterWrite = ms("lookup.partial-cache.expire-after-write")
	if err != nil {
		return c, err
	}
	if c.Reload, err = ParseReload(o); err != nil {
		return c, err
	}
	rows, err := o.Int("lookup.partial-cache.max-rows", 0)
	if err != nil {
		return c, err
	}
	c.RowsMax = int(rows)
	c.Missing, err = o.Bool("lookup.partial-cache.cache-missing-key", true)
	if err == nil && c.Kind == "PARTIAL" && c.RowsMax == 0 && c.AfterAccess == 0 && c.AfterWrite == 0 {
		err = Invalid("lookup.cache", "is PARTIAL, which needs lookup.partial-cache.max-rows or an expiry")
	}
	return c, err
}
