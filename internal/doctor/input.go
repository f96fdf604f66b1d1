package doctor

import (
	"context"

	"flexbeam/internal/finding"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/io/kinesisio"
)

// An Input is what is looked at.
type Input struct {
	Accounts []Account
	Streams  []kinesisio.Stream // that jobs read, as kinesisio.Identify returns them
	Sinks    []Sink
	States   []State
	Folders  []string // further ones of this machine that jobs write to

	// OfSinks has the streams looked at that Event Streams writes to, if Streams is empty: those of
	// sinks that `flexbeam setup` made. KinesisEndpoint is where they are; empty: at AWS.
	OfSinks         bool
	KinesisEndpoint string

	Found   []finding.Finding // while the configuration was read
	Secrets []string          // that no finding may show, besides those of accounts
}

// An Account is one of Twilio.
type Account struct {
	Where            string // what the user calls it, such as emea; empty: by its SID
	SID, Key         string // of the account and of its API key
	Secret           func(context.Context) (twilio.Secret, error)
	Region, Endpoint string // as in twilio.Config

	Workspaces []string // SIDs; empty: any will do
	Service    string   // SID of the chat service; empty: none is configured
	Turns      bool     // transcripts are fetched
	Events     bool     // events come by Event Streams

	Streams []kinesisio.Stream // into which its events go; empty: any of the Input
}

// A Sink is one that jobs write to.
type Sink struct {
	URI        string
	ContactKey *string // fingerprint of the contact key, or of there being none; nil: it is not known
}

// A State is a state directory.
type State struct {
	Dir     string
	Sink    string             // URI of the sink of its job
	Streams []kinesisio.Stream // that its job reads
}
