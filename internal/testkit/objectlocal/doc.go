// Package objectlocal starts servers of objects for tests: one that speaks Amazon S3's protocol and
// checks signatures (versitygw), and one with Google Cloud Storage's JSON API (fake-gcs-server). Both
// are other people's, pinned in the module in the folder servers, which is compiled once. They listen on
// a free port of the loopback interface, and end with their test. A Proxy before one of them makes
// faults.
package objectlocal
