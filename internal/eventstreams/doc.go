// Package eventstreams sets up Twilio's Event Streams for flexbeam: a sink that writes to a Kinesis
// stream, and a subscription of it with every event type of TaskRouter at its newest schema version.
//
// Look finds what is there, Plan says what is to be done about it, and Apply does that. Applied again,
// a plan is empty. What is there by other hands is left alone: a pair of sink and subscription is ours
// if the description of the sink begins with Mark.
//
// Twilio can neither change where a sink writes nor tell whether it can: so another stream or role
// makes a new pair, and the old one is removed once a test event has come through the new one.
package eventstreams
