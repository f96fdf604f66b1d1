// Package twilio is the one way in which flexbeam calls Twilio. twilio-go gives the types and the
// paths of the resources; this package is the transport under it.
//
//	c, err := twilio.New(twilio.Config{Account: "AC…", Key: "SK…", Secret: secret})
//	page, err := c.TaskRouter(ctx).PageEvent(workspace, params, "", "")
//
// # What a call promises
//
//   - It ends with its context.
//   - It is tried again when that can help: after 429, which asks for fewer calls, 5xx, time-outs,
//     broken connections, redirects, and answers that are cut off, are no JSON, or are a list without
//     its list or its meta. A POST is tried again after 429 alone, since anything else may have been
//     carried out. Pauses grow, with full jitter; a Retry-After is kept.
//   - An error is an [*Error] with the call, Twilio's code, and its request id. It names no secret.
//   - Credentials are sent to Twilio's hosts only, or to the endpoint that stands in for all of them.
//
// # How many calls at once
//
// Twilio limits the calls that an account makes at the same time. The limit is not published, so a
// client finds it: it begins with a few calls at once, takes more while answers stay quick, and fewer
// after a 429. A call that was refused keeps its place while it waits, so that no other takes it.
// TaskRouter also counts calls by workspace and resource within a second, and says in
// X-Rate-Limit-Remaining how many are left: when there are none, calls of that resource wait.
//
// # Lists
//
// [Pages] reads a list page by page. It follows the links that Twilio gives, to the same resource of
// the same product on Twilio's hosts, and nowhere else. A page that could not be read is an error,
// never the end of a list.
package twilio
