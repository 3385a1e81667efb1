package wire

// TapeJobHeader stands on a tape that is given away: the number of the job on it.
const TapeJobHeader = "Mink-Tape-Job"

// KeepTape asks that nothing of a tape is dropped for so many milliseconds; 0 takes it back.
type KeepTape struct {
	KeepMS int64 `json:"keepMs"`
}

// HoldJob asks that a job stands still, at most for so many milliseconds from each time it is
// asked.
type HoldJob struct {
	LeaseMS int64 `json:"leaseMs"`
}

// Held says that a job stands still, and for how long unless it is asked again.
type Held struct {
	Hold    string `json:"hold"`
	LeaseMS int64  `json:"leaseMs"`
}
