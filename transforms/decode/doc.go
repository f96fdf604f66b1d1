// Package decode turns records into events: it takes text that holds records in any form that Twilio's
// channels, and the tools that people collect events with, leave them in, and gives the event of each
// record, or says why there is none.
//
// # Forms
//
// A record is a CloudEvents envelope of Event Streams (on Kinesis its data is JSON in a string,
// elsewhere an object, with some tools base64), or an event of TaskRouter's REST log, which
// Twilio's libraries write in camel case. Records stand in a row, in arrays (webhooks), and in
// pages of the Events resource; records of a stream may be compressed. data, data.payload,
// task_attributes and worker_attributes may each be an object or a string that holds one. Numbers,
// booleans and times may be quoted. The forms of one event give the same Event but for Event.Stream
// and Event.Sum (contract, section 1).
//
// # What is refused
//
// A record that cannot be decoded, or lacks its account, time or a SID that its kind needs, gives
// an *Error with one of the classes of this package, which says what to do; it becomes a dead letter.
// What people take for records and is none has a class of its own, UnknownForm. Test events and
// events outside TaskRouter are dropped. Attributes that are no JSON object do not refuse a record:
// the event counts as one without attributes.
package decode
