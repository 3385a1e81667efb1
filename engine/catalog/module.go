package catalog

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
)

// modules are the modules of a session: where built-in functions come from.
type modules struct {
	loaded []string // in order of loading
	used   []string // in order of resolution
}

// CoreModule is the module of the built-in functions.
const CoreModule = "core"

func startModules() modules {
	return modules{[]string{CoreModule}, []string{CoreModule}}
}

// Modules lists the modules in use, in order of resolution, and behind them those
// that are loaded and not in use.
func (s *Session) Modules() (used, unused []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, m := range s.modules.loaded {
		if !slices.Contains(s.modules.used, m) {
			unused = append(unused, m)
		}
	}
	return slices.Clone(s.modules.used), unused
}

// UsesCore reports whether built-in functions are found.
func (s *Session) UsesCore() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Contains(s.modules.used, CoreModule)
}

// LoadModule loads a module and puts it in use behind the others.
func (s *Session) LoadModule(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.modules.loaded, name) {
		return diag.New(diag.AlreadyExists, "module %s is loaded already", name)
	}
	if name != CoreModule {
		return diag.New(diag.NotFound, "no module %s", name).
			WithHint("'%s' is the one module; functions of your own come by CREATE FUNCTION, in PYTHON, WASM or SQL", CoreModule)
	}
	s.modules.loaded = append(s.modules.loaded, name)
	s.modules.used = append(s.modules.used, name)
	return nil
}

// UnloadModule takes a module away.
func (s *Session) UnloadModule(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.modules.loaded, name)
	if i < 0 {
		return diag.New(diag.NotFound, "no module %s is loaded", name)
	}
	s.modules.loaded = slices.Delete(slices.Clone(s.modules.loaded), i, i+1)
	s.modules.used = slices.DeleteFunc(slices.Clone(s.modules.used), func(m string) bool { return m == name })
	return nil
}

// UseModules says which modules are in use, in what order.
func (s *Session) UseModules(names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			return diag.New(diag.DuplicateName, "module %s is named twice", n)
		}
		if !slices.Contains(s.modules.loaded, n) {
			return diag.New(diag.NotFound, "no module %s is loaded", n)
		}
	}
	s.modules.used = slices.Clone(names)
	return nil
}
