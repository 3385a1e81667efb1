package cli

import "github.com/minkstream/mink/engine/diag"

// Exit codes, as promised in the documentation of the command line.
const (
	exitOK          = 0
	exitFailed      = 1 // a statement, job or test failed
	exitUsage       = 2 // wrong flags or mink's own configuration
	exitUnreachable = 3 // the script, tape or gateway named cannot be opened
	exitTimeout     = 4
	exitInternal    = 5
	exitInterrupted = 130
	exitUnread      = 141 // nobody reads the output any more; as a shell has it for SIGPIPE
)

// exitError ends the command with a code; err may be nil when the reason has been
// printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return "failed"
}

func (e *exitError) Unwrap() error { return e.err }

// failed ends the command with code; the reason is printed unless nil.
func failed(code int, err error) error { return &exitError{code, err} }

// codeFor maps the code of an error that reached the top to an exit code.
func codeFor(c diag.Code) int {
	switch c {
	case diag.Config:
		return exitUsage
	case diag.Internal:
		return exitInternal
	case diag.Cancelled:
		return exitTimeout
	}
	return exitFailed
}
