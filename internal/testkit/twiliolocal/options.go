package twiliolocal

import "time"

// Options are the settings of a Server. The zero value has defaults for all of them.
type Options struct {
	Addr string // where Start listens; default 127.0.0.1:0, a free port of this machine

	Account     string // SID of the account
	Key, Secret string // of the API key
	ChatService string // SID of the account's default chat service
	FlexService string // SID of the chat service of Flex; empty: there is no Flex

	Now func() time.Time // the server's time; default time.Now

	Parallel  int           // calls at once; more are refused by 429; 0: any number
	PerSecond int           // calls of a resource of a workspace within a second; 0: any number, and no headers
	Latency   time.Duration // of every answer

	NextAbsent       bool // the last page of a list has no next_page_url, rather than null
	WorkerAttributes bool // lists of workers show their attributes, rather than null
	ReceiptsTouch    bool // a receipt of delivery changes the date_updated of its message

	// Deliver takes test events of sinks: the ARN of a Kinesis sink, and the record. nil: they go nowhere.
	Deliver func(arn string, record []byte)
}

// The account and the key of a server that is given none. There are no others like them at Twilio.
const (
	DefaultAccount     = "AC00000000000000000000000000000000"
	DefaultKey         = "SK00000000000000000000000000000000"
	DefaultSecret      = "local"
	DefaultChatService = "IS00000000000000000000000000000000"
)

func (o Options) withDefaults() Options {
	for s, v := range map[*string]string{
		&o.Addr: "127.0.0.1:0", &o.Account: DefaultAccount, &o.Key: DefaultKey, &o.Secret: DefaultSecret, &o.ChatService: DefaultChatService,
	} {
		if *s == "" {
			*s = v
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
