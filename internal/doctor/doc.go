// Package doctor looks for what keeps an installation from working: configuration, credentials, the
// workspace, Event Streams, streams, sinks, state directories, the clock and disks.
//
// # What it promises
//
// It reads and changes nothing. What it finds has a name that stays (package finding), and says where
// it is and how it is mended. A healthy installation has no finding. Checks of services run at the same
// time, each with a time of its own, so that one that does not answer hides none of the others. No
// secret that the input names is in a finding.
//
// # How it works
//
// Checks find out facts; most findings follow from one check alone. What needs the facts of several,
// such as whether the sink of Event Streams writes into the stream that a job reads, is judged when all
// have ended.
package doctor
