// Package kinesistest starts Kinesis-compatible servers for tests, on free ports of the loopback
// interface, and stops them when the test ends or the process of the test dies.
//
//	StartFake          our own (package kinesisfake): in the process, faults and a clock on demand
//	StartKinesisLocal  kinesis-local (npm): resharding and the progress fields of another hand; a process of node
//	StartFerrokinesis  ferrokinesis (cargo): enhanced fan-out, write throttling, expiry of another hand; a process
//
// The last two are installed once, at pinned versions, into the folder .cache of the project. The
// environment variable FLEXBEAM_TEST_KINESIS says which servers tests use: fake, local (the
// default: the fake and kinesis-local) or all. Ferrokinesis takes some four minutes to compile.
//
// # What every server is held to
//
// The test of this package runs the rules that a reader depends on against every server, with the
// client of the AWS SDK, and has a table of what each server cannot show. Such an exception is
// asserted too: a server that learns the rule fails the test, until the table is shortened.
//
// # Pitfalls
//
// Every test takes a stream of a name of its own (StreamName): kinesis-local may lose a stream that
// is created soon after one of its name was deleted, even in vain. It slows down and grows with the
// volume; give it kilobytes, not megabytes.
package kinesistest
