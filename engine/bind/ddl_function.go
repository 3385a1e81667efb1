package bind

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// createFunction makes a user function. What its identifier means is checked now, so
// that mistakes show where they are.
func (b *Binder) createFunction(s *ast.CreateFunction) (*Action, error) {
	if s.System && !s.Temporary {
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "a SYSTEM function must be TEMPORARY").WithHint("write CREATE TEMPORARY SYSTEM FUNCTION")
	}
	u, err := b.newFunction(s.Name, s.Temporary, s.System, s.Identifier, s.Language)
	if err != nil {
		return nil, err
	}
	if u.Options, err = options(s.Options); err != nil {
		return nil, err
	}
	for _, r := range s.Resources {
		u.Resources = append(u.Resources, [2]string{r.Kind, r.URI.Value})
	}
	if err := b.checkFunction(u, s.Name, s.Identifier, s.Options); err != nil {
		return nil, err
	}
	a := done("CREATE FUNCTION", func() error {
		return placed(b.Session.CreateFunction(u, s.IfNotExists), s.Name.Span())
	})
	a.Warning = b.kept(u)
	return a, nil
}

// alterFunction gives a function another identifier and language. Its options stay.
func (b *Binder) alterFunction(s *ast.AlterFunction) (*Action, error) {
	u, err := b.newFunction(s.Name, s.Temporary, s.System, s.Identifier, s.Language)
	if err != nil {
		return nil, err
	}
	if old := b.Session.FunctionOf(u.Path, u.Temporary, u.System); old != nil {
		u.Options = old.Options
		if err := b.checkFunction(u, s.Name, s.Identifier, nil); err != nil {
			return nil, err
		}
	}
	a := done("ALTER FUNCTION", func() error {
		return placed(b.Session.AlterFunction(u, s.IfExists), s.Name.Span())
	})
	a.Warning = b.kept(u)
	return a, nil
}

func (b *Binder) dropFunction(s *ast.DropFunction) (*Action, error) {
	p, err := b.functionPath(s.Name, s.System)
	if err != nil {
		return nil, err
	}
	return done("DROP FUNCTION", func() error {
		return placed(b.Session.DropFunction(p, s.Temporary, s.System, s.IfExists), s.Name.Span())
	}), nil
}

// functionPath is the full name of a function; that of a system function has one
// part.
func (b *Binder) functionPath(name ast.Name, system bool) (catalog.Path, error) {
	if !system {
		return b.object(name)
	}
	if len(name) != 1 {
		return catalog.Path{}, diag.At(name.Span(), diag.InvalidArgument, "the name of a system function has one part")
	}
	return catalog.Path{Object: name[0].Name}, nil
}

func (b *Binder) newFunction(name ast.Name, temporary, system bool, id ast.String, language string) (*catalog.UserFunction, error) {
	p, err := b.functionPath(name, system)
	if err != nil {
		return nil, err
	}
	if language == "" {
		language = "JAVA"
	}
	return &catalog.UserFunction{
		Path: p, Identifier: id.Value, Language: strings.ToUpper(language), Temporary: temporary, System: system, Statement: b.Text, At: id.Span,
	}, nil
}

// checkFunction finds out whether a definition can be run, and refuses it in words
// of the statement that makes it.
func (b *Binder) checkFunction(u *catalog.UserFunction, name ast.Name, id ast.String, opts []ast.Option) error {
	place := func(err error) error {
		e := diag.As(err)
		if e == nil {
			return err
		}
		if e.In == b.Text {
			e.In = ""
		}
		return e.Or(id.Span)
	}
	if u.Language == "SQL" {
		if err := checkOptions(u, opts, sqlFunctionOptions); err != nil {
			return err
		}
		_, err := b.sqlSignature(u)
		if err == nil {
			err = b.checkBody(u)
		}
		return place(err)
	}
	if r := b.Session.Host.Runtime(u.Language); r != nil {
		// Flink has PYTHON, too, and takes any options for it.
		if err := checkOptions(u, opts, r.Options()); err != nil && u.Language != "PYTHON" {
			return err
		}
		_, err := b.declared(r, u)
		return place(err)
	}
	b.registered(u)
	switch {
	case u.Language == "GO" && !called(u):
		return diag.At(id.Span, diag.NotFound, "no Go function is registered as '%s' in this binary", u.Identifier).
			WithHint("register it with Engine.RegisterAs before the first session opens")
	case u.Temporary && b.ofClass(u):
		return noClass(id.Span, u)
	}
	return nil
}

// checkOptions refuses options that a function of its language does not have.
func checkOptions(u *catalog.UserFunction, opts []ast.Option, known []string) error {
	for _, o := range opts {
		if !slices.Contains(known, o.Key.Value) {
			return suggest(diag.At(o.Key.Span, diag.UnknownOption, "a function in LANGUAGE %s has no option '%s'", u.Language, o.Key.Value), o.Key.Value, known)
		}
	}
	return nil
}

// functionNames lists the functions that SHOW FUNCTIONS shows.
func (b *Binder) functionNames(s *ast.Show) ([]string, error) {
	cat, db, err := b.place(s.From)
	if err != nil {
		return nil, err
	}
	out, err := b.Session.FunctionNames(cat, db)
	if err != nil {
		return nil, placed(err, s.From.Span())
	}
	if !s.User && b.Session.UsesCore() {
		for _, n := range b.Session.Host.Functions.Names() {
			out = append(out, strings.ToLower(n))
		}
		for _, n := range aggregateNames() {
			out = append(out, strings.ToLower(n))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// describeFunction lists what is known of a function.
func (b *Binder) describeFunction(s *ast.Describe) (*Action, error) {
	u := b.userFunction(s.Name)
	f := b.function(s.Name)
	if u != nil && b.ofClass(u) {
		return nil, noClass(s.Name.Span(), u)
	}
	name := s.Name.Last()
	builtin := u == nil && (f != nil || len(s.Name) == 1 && isAggregate(strings.ToUpper(name)))
	if u == nil && !builtin {
		return nil, b.nearFunction(diag.At(s.Name.Span(), diag.UnknownFunction, "no function %s", s.Name), s.Name)
	}
	return shows("DESCRIBE FUNCTION", []string{"info name", "info value"}, func() ([][]any, error) {
		word := func(is bool) string {
			if is {
				return "true"
			}
			return "false"
		}
		out := [][]any{{"is system function", word(builtin || u.System)}, {"is temporary", word(u != nil && u.Temporary)}}
		kind, det, signatures := "SCALAR", true, []string(nil)
		if u != nil {
			var files []string
			for _, r := range u.Resources {
				files = append(files, r[0]+":"+r[1])
			}
			if !u.System { // which Flink keeps made, not as it was declared
				out = append(out, []any{"class name", u.Identifier}, []any{"function language", u.Language},
					[]any{"resource uris", "[" + strings.Join(files, ", ") + "]"})
			}
			f = u.Func
			if r := b.Session.Host.Runtime(u.Language); r != nil {
				d, err := b.declared(r, u)
				if err != nil {
					return nil, placed(err, s.Name.Span())
				}
				kind, det, signatures = d.Kind.String(), d.Det == function.Deterministic, []string{d.described(u)}
			}
			if u.Language == "SQL" {
				sig, err := b.sqlSignature(u)
				if err != nil {
					return nil, placed(err, s.Name.Span())
				}
				signatures = []string{u.Name() + "(" + sig.text() + ")"}
				if det, err = b.bodyDeterminism(u); err != nil {
					return nil, placed(err, s.Name.Span())
				}
			}
		} else if f == nil {
			kind = "AGGREGATE"
		}
		if u != nil && u.Table != nil {
			kind, det, signatures = function.TableKind.String(), u.Table.Det == function.Deterministic, u.Table.Signatures
		}
		if u != nil && u.Process != nil {
			kind = "PROCESS_TABLE"
		}
		if u != nil && u.Aggregate != nil {
			kind, det, signatures = function.AggregateKind.String(), u.Aggregate.Det == function.Deterministic, u.Aggregate.Signatures
		}
		if f != nil {
			det, signatures = f.Det == function.Deterministic, f.Signatures
		}
		if s.Extended { // no function of Flink refuses to be folded, and one that is not deterministic is not
			out = append(out, []any{"kind", kind}, []any{"requirements", "[]"}, []any{"is deterministic", word(det)},
				[]any{"supports constant folding", "true"}, []any{"signature", strings.Join(signatures, "\n")})
		}
		return out, nil
	}), nil
}

// text is a list of parameters as they are declared.
func (s signature) text() string {
	var parts []string
	for _, p := range s.params {
		parts = append(parts, p.Name+" => "+p.Type.String())
	}
	return strings.Join(parts, ", ")
}

// signature is what a function takes and gives.
type signature struct {
	params []types.Field
	// returns is the declared result; Invalid when there is none.
	returns types.Type
}
