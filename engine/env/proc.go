package env

import "io"

// Processes starts programs. A host that has none, such as the simulation, leaves
// Env.Processes nil.
type Processes interface {
	// Start runs a program. Its path is looked up as the system does; there is no
	// shell. The error is that of the system.
	Start(p Program) (Process, error)
}

// Program says what to run.
type Program struct {
	Path string
	Args []string
	// Env are further variables, NAME=value, over those of the host.
	Env []string
	// Stderr takes what the program writes there; nil discards it.
	Stderr io.Writer
}

// Process is a running program. Write and Read are its standard input and output;
// they fail once it has ended.
type Process interface {
	io.ReadWriter
	// CloseInput ends its standard input.
	CloseInput() error
	// Kill ends it at once. It may be called from any goroutine, and more than once.
	Kill()
	// Wait returns once it has ended and says how: "exit status 1". It is called
	// once.
	Wait() (status string)
}
