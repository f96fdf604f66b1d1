// Package send puts the records of a simulated contact centre into a Kinesis stream, as Event
// Streams would.
//
// # What it promises
//
// A record is sent when its time of arrival has come, at a multiple of real time, never before;
// late by a few hundredths of a second plus the 200 ms that records wait for company. Records of
// one call reach the stream in no particular order among those of others.
//
// Every record is accepted by the stream at least once, or [Sender.Send] returns an error: entries
// that the stream refuses for the moment are sent again, alone, until it takes them. A record is
// accepted twice only where the reply to a call was lost, so that nobody knows whether it arrived.
//
// Throttling slows sending down and never ends it. What time does not heal, such as a missing
// stream or missing rights, ends it at once with an [Error] that says what to do; a service that
// cannot be reached ends it after a while.
//
// # Partition keys
//
// Twilio does not document its partition keys, and consumers must not rely on them. Here the key is
// a hash of the record's text: records spread evenly over the shards, the events of one task lie on
// several of them, and a duplicate lies where the first copy does.
package send
