// Package objects finds and reads objects of Amazon S3, of servers that speak its protocol, and of
// Google Cloud Storage, by URLs such as s3://BUCKET/KEY and gs://BUCKET/KEY.
//
// # Finding
//
// Find lists the objects that a pattern matches, page by page. A caller that can tell from a path
// when its objects were written (Overlap) spares the listing of what lies outside.
//
// # Reading
//
// An Object is one version of what its URL names: its ETag in S3, its generation in Google Cloud
// Storage. A reader gives the bytes of that version or fails with ErrChanged, so that no reading is
// made of two versions. A connection that breaks, or from which nothing comes for a minute, is
// opened anew where the reading stands, and so is one that a server answers with "too many calls" or
// an error of its own. After eight attempts in a row that gave no byte the reading fails.
//
// # Credentials
//
// They are those that the environment has, found as each SDK finds them. Of Google Cloud Storage,
// STORAGE_EMULATOR_HOST names another server.
package objects
