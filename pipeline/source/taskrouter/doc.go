// Package taskrouter reads the events of a TaskRouter workspace from Twilio's REST log, which keeps
// them for 30 days:
//
//	taskrouter:WS…?account=AC…&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z
//
// # What is promised
//
// Every event that the log has of the time is handed on at least once, as the JSON that the resource
// shows; its SID names it in dead letters. The time is read in windows of whole seconds, of which
// each shares a second with the next, since what is between two seconds belongs to one of them by
// rules that are not published. A window that holds many pages is halved, and so is one that Twilio
// cannot answer for; several are read at the same time. The newest two minutes are left for a later
// run, since events may still come into the log.
//
// Attributes that the log shows empty or redacted, as it does with those of old events, are left out
// of a record: it tells the times of the event, and nothing of attributes. So they never take the
// place of those that other events tell.
//
// With keep=DIR each window that was read is kept in a file of that folder, and read from there the
// next time: a job that was killed goes on where it stopped.
//
// # Agents whom no event names
//
// Agents that were there before the time, and did nothing within it, are in no event. Behind the
// events the source tells of those whom no record named, as the workspace lists them.
package taskrouter
