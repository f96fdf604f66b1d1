package eventstreams

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
)

// twilioAWS is the account at AWS from which Twilio takes on the role.
const twilioAWS = "arn:aws:iam::177261743968:root"

var (
	streamARN = regexp.MustCompile(`^arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream/[a-zA-Z0-9_.-]{1,128}$`)
	roleARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)
)

// Check returns an error that says what to write if a target cannot be right.
func (t Target) Check() error {
	switch {
	case !streamARN.MatchString(t.Stream):
		return fmt.Errorf("%q is no ARN of a stream: write arn:aws:kinesis:REGION:ACCOUNT:stream/NAME", t.Stream)
	case t.Role != "" && !roleARN.MatchString(t.Role):
		return fmt.Errorf("%q is no ARN of a role: write arn:aws:iam::ACCOUNT:role/NAME", t.Role)
	}
	return nil
}

// NewExternalID returns an external id that nobody can guess.
func NewExternalID() string { return rand.Text() }

// TrustPolicy returns the trust policy of the role, as JSON: Twilio may take it on with the external id.
func (t Target) TrustPolicy() string {
	return policy(map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"AWS": twilioAWS}, "Action": "sts:AssumeRole",
		"Condition": map[string]any{"StringEquals": map[string]any{"sts:ExternalId": t.ExternalID}},
	})
}

// Permissions returns the policy with the permissions of the role, as JSON: it may write to the stream.
func (t Target) Permissions() string {
	return policy(
		map[string]any{"Effect": "Allow", "Action": []string{"kinesis:PutRecord", "kinesis:PutRecords", "kinesis:ListShards", "kinesis:DescribeStreamSummary"}, "Resource": t.Stream},
		map[string]any{"Effect": "Allow", "Action": "kinesis:DescribeLimits", "Resource": "*"},
	)
}

func policy(statements ...map[string]any) string {
	b, err := json.MarshalIndent(map[string]any{"Version": "2012-10-17", "Statement": statements}, "", "  ")
	if err != nil { // texts always marshal
		panic(err)
	}
	return string(b)
}
