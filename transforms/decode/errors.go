package decode

import "fmt"

// A Class is the kind of fault that made a record a dead letter: column error_class.
type Class string

// The classes of faults.
const (
	InvalidUTF8        Class = "invalid_utf8"
	UnknownForm        Class = "unknown_form"
	InvalidJSON        Class = "invalid_json"
	NotAnObject        Class = "not_an_object"
	InvalidData        Class = "invalid_data"
	MissingType        Class = "missing_type"
	MissingAccount     Class = "missing_account"
	MissingTime        Class = "missing_time"
	MissingTask        Class = "missing_task_sid"
	MissingReservation Class = "missing_reservation_sid"
	MissingWorker      Class = "missing_worker_sid"
)

// An Error says why a record gives no event.
type Error struct {
	Class   Class
	Message string
}

func (e *Error) Error() string { return string(e.Class) + ": " + e.Message }

func refuse(c Class, format string, args ...any) *Error {
	return &Error{c, fmt.Sprintf(format, args...)}
}
