package ast

// CreateModel is CREATE MODEL.
type CreateModel struct {
	Pos
	Name        Name
	Temporary   bool
	IfNotExists bool
	Input       []*Column
	Output      []*Column
	Comment     String
	Options     []Option
	Query       Query
}

// AlterModel is ALTER MODEL m SET, RESET or RENAME TO.
type AlterModel struct {
	Pos
	Name     Name
	IfExists bool
	Kind     AlterKind
	Options  []Option
	Keys     []String
	To       Name
}

// DropModel is DROP MODEL.
type DropModel struct {
	Pos
	Name      Name
	Temporary bool
	IfExists  bool
}

// CreateConnection is CREATE CONNECTION.
type CreateConnection struct {
	Pos
	Name        Name
	Temporary   bool
	System      bool
	IfNotExists bool
	Comment     String
	Options     []Option
}

// AlterConnection is ALTER CONNECTION c SET, RESET or RENAME TO.
type AlterConnection struct {
	Pos
	Name     Name
	IfExists bool
	Kind     AlterKind
	Options  []Option
	Keys     []String
	To       Name
}

// DropConnection is DROP CONNECTION.
type DropConnection struct {
	Pos
	Name      Name
	Temporary bool
	System    bool
	IfExists  bool
}

func (*CreateModel) statement()      {}
func (*AlterModel) statement()       {}
func (*DropModel) statement()        {}
func (*CreateConnection) statement() {}
func (*AlterConnection) statement()  {}
func (*DropConnection) statement()   {}
