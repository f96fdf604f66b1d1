// Package decode turns records into events: it takes the text of one record in any form that
// Twilio's channels deliver and gives the event in it, or says why there is none.
//
// # Forms
//
// A record is a CloudEvents envelope of Event Streams (on Kinesis its data is JSON in a string,
// elsewhere an object), an array of envelopes (webhooks), or an event of TaskRouter's REST log.
// data, data.payload, task_attributes and worker_attributes may each be an object or a string that
// holds one. Numbers, booleans and times may be quoted. The forms of one event give the same Event
// but for Event.Stream and Event.Sum (contract, section 1).
//
// # What is refused
//
// A record that cannot be decoded, or lacks its account, time or a SID that its kind needs, gives
// an *Error with one of the classes of this package; it becomes a dead letter. Test events and
// events outside TaskRouter are dropped. Attributes that are no JSON object do not refuse a record:
// the event counts as one without attributes.
package decode
