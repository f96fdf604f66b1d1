// Command turns measures how fast transcripts come in, and in how much memory.
//
//	go run ./bench/turns [-conversations 19000] [-messages 100] [-latency 100ms] [-parallel 20] [-program bin/flexbeam]
//
// A local Twilio in this process has conversations with so many messages each; it answers after the
// latency, and refuses calls beyond so many at once. A file has the events of one task for each
// conversation. The program runs over it as a process of its own, into a DuckDB file.
//
// Each conversation takes a call for 100 messages and one for its participants. What the limit allows is
// so many calls at once without a pause between them: calls × latency / parallel. The benchmark prints
// which share of that was reached from the first call to the last, and over the whole run too.
//
// It also prints how much memory the program had while the last million messages came, by quarters: what
// Go's runtime holds, and what is resident, of which the rest is DuckDB's and the program itself. Before
// them fill the hashes by which the sink knows keys that are new, of up to two million keys. DuckDB's part
// grows with its tables, of which it keeps the index of the primary key in memory, and pages up to its limit.
//
// Where other processes take the processors, the time says little. Then see how much processor time a
// thousand messages took, and how long all places of the limit were taken by calls: the program does not
// have to wait for anything else then, and only the local Twilio is late. The benchmark fails if the
// share is below -wanted, or if a message is not in the file.
package main
