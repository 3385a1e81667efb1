package probe

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// machineMemory is that of the machine, and what of it may still be taken, in bytes; 0 where
// the system does not tell.
func machineMemory() (all, available int64) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		name, rest, _ := strings.Cut(in.Text(), ":")
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "MemTotal":
			all = n << 10
		case "MemAvailable":
			available = n << 10
		}
	}
	return all, available
}
