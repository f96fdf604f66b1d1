package simulate

// Form is the way in which a record wraps an event (contract section 1).
type Form string

const (
	Object  Form = "object"  // a CloudEvents envelope with data as an object
	String  Form = "string"  // the same with data as a JSON string, as Kinesis delivers it
	REST    Form = "rest"    // an event of the REST resource, every value of event_data a string
	Webhook Form = "webhook" // a JSON array of envelopes, data as an object
	Mixed   Form = "mixed"   // one of the others for each record, by the shares that Describe prints
)

func (f Form) valid() bool {
	switch f {
	case "", Object, String, REST, Webhook, Mixed:
		return true
	}
	return false
}

// formShare is a form and how often Mixed takes it.
type formShare struct {
	form  Form
	share float64 // percent of the records
	text  string  // for Describe
}

var forms = []formShare{
	{Object, 40, "envelope, data as an object"},
	{String, 30, "envelope, data as a JSON string (Kinesis)"},
	{REST, 15, "event of the TaskRouter REST resource, all values of event_data strings"},
	{Webhook, 15, "array of envelopes, several a line"},
}

var formShares = newLottery(forms, func(f formShare) float64 { return f.share })

// draw gives the envelope of one record.
func (f Form) draw(d dice) Form {
	if f != Mixed {
		return f
	}
	return forms[formShares.draw(d)].form
}
