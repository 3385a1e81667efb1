package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
)

// registered finds what this binary has under the identifier of a function.
func (b *Binder) registered(u *catalog.UserFunction) {
	h := b.Session.Host
	u.Func, u.Table = h.UserFunctions[u.Identifier], h.TableFunctions[u.Identifier]
	u.Aggregate, u.Process = h.UserAggregates[u.Identifier], h.ProcessFunctions[u.Identifier]
}

// called tells whether a function is one of this binary.
func called(u *catalog.UserFunction) bool {
	return u.Func != nil || u.Table != nil || u.Aggregate != nil || u.Process != nil
}

// ofClass tells whether a function is a class of the JVM. A catalog keeps and lists such a
// function as Flink's do, so that a script whose other statements run is not stopped by it;
// its calls are refused. A temporary one is refused at once: Flink loads its class there.
func (b *Binder) ofClass(u *catalog.UserFunction) bool {
	return (u.Language == "JAVA" || u.Language == "SCALA") && !called(u)
}

// kept is the warning to who makes a function that cannot be called, or nil.
func (b *Binder) kept(u *catalog.UserFunction) *diag.Error {
	if !b.ofClass(u) {
		return nil
	}
	return diag.At(u.At, diag.Unsupported, "function %s is kept and cannot be called: '%s' is no part of this binary, and mink runs no classes of the JVM",
		u.Name(), u.Identifier).WithHint("%s", otherLanguages)
}

// noClass is the error of what needs the class of a function.
func noClass(at diag.Span, u *catalog.UserFunction) *diag.Error {
	if len(u.Resources) > 0 {
		return diag.At(at, diag.Unsupported, "function %s is '%s' of the %s '%s', and mink runs no classes of the JVM",
			u.Name(), u.Identifier, u.Resources[0][0], u.Resources[0][1]).WithHint("%s", otherLanguages)
	}
	return diag.At(at, diag.Unsupported, "function %s is '%s', which is no part of this binary, and mink runs no classes of the JVM",
		u.Name(), u.Identifier).WithHint("%s", otherLanguages)
}

const otherLanguages = "write it in LANGUAGE SQL, PYTHON or WASM, or in Go and register it under this name"
