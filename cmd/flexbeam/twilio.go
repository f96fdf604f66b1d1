package main

import (
	"github.com/spf13/cobra"

	"flexbeam/pipeline/source"
)

// twilioFlags are the flags that name an account of Twilio, and servers in the place of Twilio and
// Kinesis.
type twilioFlags struct {
	source.Account
	kinesis string
}

// add adds the flags. or is what else --account takes, when is when --kinesis-endpoint counts; both
// may be empty.
func (f *twilioFlags) add(cmd *cobra.Command, or, when string) {
	flags := cmd.Flags()
	flags.StringVar(&f.SID, "account", "", "`SID` of the Twilio account"+or+"; else TWILIO_ACCOUNT_SID")
	flags.StringVar(&f.Key, "key", "", "`SID` of its API key; else TWILIO_API_KEY")
	flags.StringVar(&f.Secret, "secret", "", "`REFERENCE` to the secret of the key, such as env:NAME or file:PATH; else TWILIO_API_SECRET")
	flags.StringVar(&f.Region, "region", "", "`REGION` of the account: us1 or ie1; else us1")
	flags.StringVar(&f.Endpoint, "endpoint", "", "`URL` in place of Twilio")
	flags.StringVar(&f.kinesis, "kinesis-endpoint", "", "`URL` in place of Kinesis"+when)
	completeNothing(cmd, "account", "key", "secret", "region", "endpoint", "kinesis-endpoint")
}
