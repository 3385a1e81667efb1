package cli

import (
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// processMin is the least memory that a process is of use with: the program and what it does
// when it idles take some 40 MB.
const processMin = 128 << 20

// programBytes is what the program's own code and tables take of it once most have been used,
// of which Go's limit knows nothing.
const programBytes = 56 << 20

// memoryOf reads --memory, which so many processes share; 0 is no limit.
func memoryOf(text string, processes int) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, ok := connect.ParseSize(text)
	if !ok || n <= 0 {
		return 0, failed(exitUsage, diag.New(diag.Config, "--memory takes a size such as 512mb, not %q", text))
	}
	if least := int64(processes) * processMin; n < least {
		return 0, failed(exitUsage, diag.New(diag.Config, "--memory must be at least %d MB, %d for each process", least>>20, processMin>>20))
	}
	return n, nil
}
