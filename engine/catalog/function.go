package catalog

import (
	"maps"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
)

// UserFunction is a function made by CREATE FUNCTION. It is never changed after it
// was stored. Names of functions are compared without regard to case.
type UserFunction struct {
	// Path is the full name, without catalog and database for a system function.
	Path Path
	// Identifier is the text after AS: a registered name, 'module.function',
	// 'file.wasm#export', or an SQL expression. Language is in capitals, never empty.
	Identifier string
	Language   string
	// Resources are the files after USING, as kind and address.
	Resources [][2]string
	Options   map[string]string
	Temporary bool
	System    bool
	// Statement is the text of the statement that made the function and At where the
	// identifier stands in it, for errors inside the identifier. Empty when the
	// function comes from elsewhere.
	Statement string
	At        diag.Span
	// Func is the function of the host that the identifier names, if it is one. It is
	// no part of the definition: who stores a definition leaves it out.
	Func *function.Func
}

// Name is the function's own name.
func (f *UserFunction) Name() string { return f.Path.Object }

// String is the name as messages write it.
func (f *UserFunction) String() string {
	if f.System {
		return f.Path.Object
	}
	return f.Path.String()
}

// functionKey is the path under which a function is found.
func functionKey(p Path) Path {
	p.Object = strings.ToLower(p.Object)
	return p
}

// SystemFunction finds a temporary system function, or nil.
func (s *Session) SystemFunction(name string) *UserFunction {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.system[strings.ToLower(name)]
}

// Function finds the function of a catalog, temporary ones first, or nil.
func (s *Session) Function(p Path) *UserFunction {
	k := functionKey(p)
	s.mu.RLock()
	f := s.functions[k]
	s.mu.RUnlock()
	if f != nil {
		return f
	}
	return s.Store.function(k)
}

// UserFunctions lists the functions made by CREATE FUNCTION that can be seen from a
// database, in order of name: temporary system ones, then temporary ones, then those
// of the catalog. A name occurs once.
func (s *Session) UserFunctions(cat, db string) []*UserFunction {
	byName := map[string]*UserFunction{}
	for _, f := range s.Store.functions(cat, db) {
		byName[strings.ToLower(f.Name())] = f
	}
	s.mu.RLock()
	for p, f := range s.functions {
		if p.Catalog == cat && p.Database == db {
			byName[p.Object] = f
		}
	}
	for n, f := range s.system {
		byName[n] = f
	}
	s.mu.RUnlock()
	var out []*UserFunction
	for _, n := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[n])
	}
	return out
}

// CreateFunction stores a user function: among the temporary system ones, the
// temporary ones or those of its catalog. It fails with already-exists, unless
// ifNotExists, and with not-found when there is no such database.
func (s *Session) CreateFunction(f *UserFunction, ifNotExists bool) error {
	old, err := s.functionIn(f.Path, f.Temporary, f.System)
	if err != nil {
		return err
	}
	if old != nil {
		if ifNotExists {
			return nil
		}
		return diag.New(diag.AlreadyExists, "%sfunction %s already exists", functionKind(f.Temporary, f.System), f).
			WithHint("add IF NOT EXISTS, or drop it first")
	}
	return s.putFunction(f)
}

// AlterFunction puts a function in the place of one of the same kind and name. It
// fails with not-found when there is none, unless ifExists.
func (s *Session) AlterFunction(f *UserFunction, ifExists bool) error {
	old, err := s.functionIn(f.Path, f.Temporary, f.System)
	if err != nil {
		return err
	}
	if old == nil {
		if ifExists {
			return nil
		}
		return s.noFunction(f.Path, f.Temporary, f.System)
	}
	return s.putFunction(f)
}

// DropFunction removes a function of one kind. It fails with not-found when there is
// none, unless ifExists.
func (s *Session) DropFunction(p Path, temporary, system, ifExists bool) error {
	old, err := s.functionIn(p, temporary, system)
	if err != nil && !ifExists {
		return err
	}
	if old == nil {
		if ifExists {
			return nil
		}
		return s.noFunction(p, temporary, system)
	}
	switch k := functionKey(p); {
	case system:
		s.mu.Lock()
		delete(s.system, k.Object)
		s.mu.Unlock()
	case temporary:
		s.mu.Lock()
		delete(s.functions, k)
		s.mu.Unlock()
	default:
		s.Store.removeFunction(k)
	}
	return nil
}

// FunctionOf finds a function of one kind alone, or nil.
func (s *Session) FunctionOf(p Path, temporary, system bool) *UserFunction {
	f, _ := s.functionIn(p, temporary, system)
	return f
}

// functionIn finds a function of one kind; the error is that there is no such
// database.
func (s *Session) functionIn(p Path, temporary, system bool) (*UserFunction, error) {
	k := functionKey(p)
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case system:
		return s.system[k.Object], nil
	case temporary:
		return s.functions[k], nil
	}
	if err := s.Store.CheckDatabase(p.Catalog, p.Database); err != nil {
		return nil, err
	}
	return s.Store.function(k), nil
}

func (s *Session) putFunction(f *UserFunction) error {
	k := functionKey(f.Path)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case f.System:
		s.system[k.Object] = f
	case f.Temporary:
		s.functions[k] = f
	default:
		return s.Store.putFunction(k, f)
	}
	return nil
}

// noFunction says what is near: a function of the same name in another place, or a
// similar name.
func (s *Session) noFunction(p Path, temporary, system bool) error {
	kind := functionKind(temporary, system)
	name := p.String()
	if system {
		name = p.Object
	}
	e := diag.New(diag.NotFound, "no %sfunction %s", kind, name)
	if u := s.SystemFunction(p.Object); u != nil && !system {
		return e.WithHint("%s is a temporary system function: use TEMPORARY SYSTEM FUNCTION", p.Object)
	}
	if u := s.Function(p); u != nil && u.Temporary != temporary {
		if u.Temporary {
			return e.WithHint("%s is a temporary function: use TEMPORARY FUNCTION", p.Object)
		}
		return e.WithHint("%s is no temporary function: leave out TEMPORARY", p.Object)
	}
	var names []string
	for _, u := range s.UserFunctions(p.Catalog, p.Database) {
		if u.Temporary == temporary && u.System == system {
			names = append(names, u.Name())
		}
	}
	if g := diag.Suggest(p.Object, names); g != "" {
		e.WithHint("did you mean %s", g)
	}
	return e
}

func functionKind(temporary, system bool) string {
	switch {
	case system:
		return "temporary system "
	case temporary:
		return "temporary "
	}
	return ""
}

func (s *Store) function(k Path) *UserFunction {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d, err := s.database(k.Catalog, k.Database); err == nil {
		return d.functions[k.Object]
	}
	return nil
}

func (s *Store) functions(cat, db string) []*UserFunction {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, err := s.database(cat, db)
	if err != nil {
		return nil
	}
	return slices.Collect(maps.Values(d.functions))
}

func (s *Store) putFunction(k Path, f *UserFunction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.database(k.Catalog, k.Database)
	if err != nil {
		return err
	}
	if d.functions == nil {
		d.functions = map[string]*UserFunction{}
	}
	d.functions[k.Object] = f
	return nil
}

func (s *Store) removeFunction(k Path) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, err := s.database(k.Catalog, k.Database); err == nil {
		delete(d.functions, k.Object)
	}
}
