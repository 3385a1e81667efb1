package catalog

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
)

// Runtime is the runtime of a language, or nil.
func (h *Host) Runtime(language string) function.Runtime {
	for _, r := range h.Runtimes {
		if r.Language() == language {
			return r
		}
	}
	return nil
}

// UserFunction is a function made by CREATE FUNCTION. It is never changed after it
// was stored. Names of functions are compared without regard to case.
type UserFunction struct {
	Held
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
	// Table is the same for a table function.
	Table *function.TableFunc
	// Aggregate is the same for an aggregate function.
	Aggregate *function.AggregateFunc
	// Process is the same for a process table function.
	Process *function.ProcessFunc
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

// Space is Functions.
func (f *UserFunction) Space() Kind { return Functions }

// Where is the path under which it is found.
func (f *UserFunction) Where() Path { return functionKey(f.Path) }

// What is the word for it.
func (f *UserFunction) What() string { return "function" }

// DDL is the statement that makes the function again.
func (f *UserFunction) DDL() string {
	s := "CREATE FUNCTION " + Quote(f.Name()) + " AS " + Text(f.Identifier) + " LANGUAGE " + f.Language
	for i, r := range f.Resources {
		s += map[bool]string{true: " USING ", false: ", "}[i == 0] + r[0] + " " + Text(r[1])
	}
	return s + WithText(f.Options)
}

// SystemFunction finds a temporary system function, or nil.
func (s *Session) SystemFunction(name string) *UserFunction {
	f, _ := s.temp(Functions, functionKey(Path{Object: name})).(*UserFunction)
	if f != nil {
		s.traced(f)
	}
	return f
}

// Function finds the function of a catalog, temporary ones first, or nil. One that
// cannot be read is not found: FunctionError tells why.
func (s *Session) Function(p Path) *UserFunction {
	o, err := s.Find(Functions, functionKey(p))
	if o == nil || err != nil {
		return nil
	}
	return o.(*UserFunction)
}

// FunctionError is why a function that is in a catalog cannot be read, or nil.
func (s *Session) FunctionError(p Path) error {
	_, err := s.Find(Functions, functionKey(p))
	return err
}

// FunctionNames lists the names of the functions made by CREATE FUNCTION that can be
// seen from a database, in lower case and in order: temporary system ones, temporary
// ones and those of the catalog. A name occurs once.
func (s *Session) FunctionNames(cat, db string) ([]string, error) {
	list, err := s.List(Functions, cat, db)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name)
	}
	s.mu.RLock()
	for p := range s.temporary[Functions] {
		if p.Database == "" {
			out = append(out, p.Object)
		}
	}
	s.mu.RUnlock()
	slices.Sort(out)
	return slices.Compact(out), nil
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
		if ifNotExists || !f.Temporary && s.takes(old, f) {
			return nil
		}
		where := f.Path
		if f.Temporary {
			where = Path{}
		}
		return s.exists(where, "%sfunction %s already exists", functionKind(f.Temporary, f.System), f)
	}
	if !f.Temporary {
		s.made(f.What(), f.Path)
	}
	return s.Replace(f, f.Temporary)
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
	f.version = old.base()
	return s.Replace(f, f.Temporary)
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
	if temporary {
		s.mu.Lock()
		delete(s.temporary[Functions], functionKey(p))
		s.mu.Unlock()
		return nil
	}
	c, err := s.Store.Catalog(p.Catalog)
	if err != nil {
		return err
	}
	return c.Remove(old)
}

// FunctionOf finds a function of one kind alone, or nil.
func (s *Session) FunctionOf(p Path, temporary, system bool) *UserFunction {
	o, err := s.functionIn(p, temporary, system)
	if err == nil && o != nil {
		o, err = s.Bind(o)
	}
	f, _ := o.(*UserFunction)
	if err != nil {
		return nil
	}
	return f
}

// functionIn finds a function of one kind, bound or not; the error is that there is no
// such database.
func (s *Session) functionIn(p Path, temporary, system bool) (Object, error) {
	k := functionKey(p)
	if temporary {
		return s.temp(Functions, k), nil
	}
	if err := s.Store.CheckDatabase(p.Catalog, p.Database); err != nil {
		return nil, err
	}
	return s.stored(Functions, k)
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
	names := s.Names(Functions, p.Catalog, p.Database)
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
