// Package twiliolocal is a Twilio in the process of a test, or behind `flexbeam local twilio`: the
// part of Twilio's REST APIs that flexbeam calls, with faults that strike on a schedule.
//
//   - TaskRouter: workspaces, Events, Workers, Activities, TaskQueues
//   - Conversations: configuration, conversations, messages, participants, in a service or without
//   - Event Streams: sinks, subscriptions, subscribed events, types, schemas
//   - of Flex its chat service; content templates of plain text
//   - the media service of Conversations, with links that work for a while
//
// # Held to what is published
//
// Its answers have the form of Twilio's OpenAPI files; the test of this package checks each resource
// against them. Credentials are checked. Lists come in pages, which are reached by the links that
// they give and in no other way. Page tokens end with a time such as 2026-03-02T08:00:00.005Z, of
// which every digit counts. A host of Twilio serves its own product only.
//
// # Where nothing is published
//
// It does what is hardest to a reader, or has an option for each way: the order of events, what
// becomes of the attributes of events that are older than 30 days, whether lists of workers show
// attributes, whether a receipt of delivery changes the date of a message, whether the last page has
// a next_page_url. What the body of a message is, such as that of an e-mail, is up to the caller.
//
// # Not held to it
//
// Accounts have one API key, which may do everything. Nothing is delivered but test events of sinks,
// to Options.Deliver. Regions are not told apart.
package twiliolocal
