package ast

// CreateFunction is CREATE FUNCTION.
type CreateFunction struct {
	Pos
	Name        Name
	Temporary   bool
	System      bool
	OrReplace   bool // taken by the grammar, without effect
	IfNotExists bool
	Identifier  String // class or path
	Language    string // JAVA, SCALA, PYTHON, SQL, mink's own WASM and GO, or ""
	Resources   []Resource
	Options     []Option
}

// Resource is JAR 'uri' or ARTIFACT 'uri'.
type Resource struct {
	Kind string
	URI  String
}

// AlterFunction is ALTER FUNCTION.
type AlterFunction struct {
	Pos
	Name       Name
	Temporary  bool
	System     bool
	IfExists   bool
	Identifier String
	Language   string
}

// DropFunction is DROP FUNCTION.
type DropFunction struct {
	Pos
	Name      Name
	Temporary bool
	System    bool
	IfExists  bool
}

// Call is CALL procedure(...).
type Call struct {
	Pos
	Call *FuncCall
}

// LoadModule is LOAD MODULE.
type LoadModule struct {
	Pos
	Name    Identifier
	Options []Option
}

// UnloadModule is UNLOAD MODULE.
type UnloadModule struct {
	Pos
	Name Identifier
}

// UseModules is USE MODULES.
type UseModules struct {
	Pos
	Names []Identifier
}

// AddJar is ADD JAR.
type AddJar struct {
	Pos
	Path String
}

// RemoveJar is REMOVE JAR.
type RemoveJar struct {
	Pos
	Path String
}

func (*CreateFunction) statement() {}
func (*AlterFunction) statement()  {}
func (*DropFunction) statement()   {}
func (*Call) statement()           {}
func (*LoadModule) statement()     {}
func (*UnloadModule) statement()   {}
func (*UseModules) statement()     {}
func (*AddJar) statement()         {}
func (*RemoveJar) statement()      {}
