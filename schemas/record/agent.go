package record

// An Agent is a worker of TaskRouter as a source found it, of whom no record tells.
type Agent struct {
	Account, SID string
	Name         string // friendly name of the worker
	Attributes   string // JSON of its attributes; empty: not known
	Updated      int64  // when it was changed last, in ms since 1970; 0: not known
}
