package vet

import "strings"

// bannedImports are packages that a task package has no use for, and what to do.
var bannedImports = map[string]string{
	"sync":         "sync orders goroutines, and a task has none: if this is the host's side, say so",
	"sync/atomic":  "sync/atomic orders goroutines, and a task has none: if this is the host's side, say so",
	"unsafe":       "unsafe lets addresses into values: if it is only a view of bytes, say so",
	"crypto/rand":  "crypto/rand cannot be repeated: take Ctx.Rand",
	"hash/maphash": "maphash has a seed of its own in each process: take batch.Mix or xxh64",
	"net":          "the network is behind env and connectors",
	"net/http":     "the network is behind env and connectors",
	"os/exec":      "processes are behind env and connectors",
	"unique":       "handles of unique are addresses",
	"weak":         "weak pointers show the collector at work",
}

// bannedNames are functions and variables, and what to do.
var bannedNames = map[string]string{
	"time.Now":                    "the clock is read through Ctx.Now, once a step, and recorded",
	"time.Since":                  "the clock is read through Ctx.Now, once a step, and recorded",
	"time.Until":                  "the clock is read through Ctx.Now, once a step, and recorded",
	"time.After":                  "timers are set through Ctx.SetTimer",
	"time.AfterFunc":              "timers are set through Ctx.SetTimer",
	"time.Tick":                   "timers are set through Ctx.SetTimer",
	"time.NewTimer":               "timers are set through Ctx.SetTimer",
	"time.NewTicker":              "timers are set through Ctx.SetTimer",
	"time.Sleep":                  "a task does not wait",
	"time.Local":                  "the zone is the session's, from Ctx.Zone",
	"context.WithTimeout":         "a task does not wait",
	"context.WithTimeoutCause":    "a task does not wait",
	"context.WithDeadline":        "a task does not wait",
	"context.WithDeadlineCause":   "a task does not wait",
	"maps.Keys":                   "the order of a map is not fixed: sort with slices.Sorted at once",
	"maps.Values":                 "the order of a map is not fixed: sort with slices.Sorted at once",
	"maps.All":                    "the order of a map is not fixed: sort with slices.Sorted at once",
	"runtime.GOMAXPROCS":          "the number of cores must not reach a task",
	"runtime.NumCPU":              "the number of cores must not reach a task",
	"runtime.NumGoroutine":        "goroutines must not reach a task",
	"runtime.ReadMemStats":        "the collector must not reach a task",
	"runtime.SetFinalizer":        "the collector must not reach a task",
	"runtime.AddCleanup":          "the collector must not reach a task",
	"reflect.Value.MapKeys":       "the order of a map is not fixed: sort the keys, or keep a slice",
	"reflect.Value.MapRange":      "the order of a map is not fixed: sort the keys, or keep a slice",
	"reflect.Value.Pointer":       "an address differs from run to run",
	"reflect.Value.UnsafePointer": "an address differs from run to run",
}

// bannedCall is the complaint about a function of another package, or "".
func bannedCall(pkg, name string) string {
	if why := bannedNames[pkg+"."+name]; why != "" {
		return why
	}
	switch pkg {
	case "math/rand", "math/rand/v2":
		// A generator with a seed of its own may be used; the shared one may not.
		if !strings.HasPrefix(name, "New") && !strings.Contains(name, ".") {
			return "the shared generator cannot be repeated: take Ctx.Rand"
		}
	case "os":
		return "files, environment and host are behind env"
	case "crypto/rand", "hash/maphash":
		return bannedImports[pkg]
	}
	return ""
}
