package telemetry

// DeadLetter counts n dead letters of a class.
func (c *Counters) DeadLetter(class string, n int64) { c.DeadLetters.Add(n) }
