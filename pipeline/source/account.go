package source

import (
	"cmp"
	"os"
	"slices"
)

// The environment variables that hold the credentials of an account of Twilio.
const (
	AccountVariable = "TWILIO_ACCOUNT_SID"
	KeyVariable     = "TWILIO_API_KEY"
	SecretVariable  = "TWILIO_API_SECRET"
)

// An Account is how Twilio is called for one account. It names the secret of the key without holding
// it.
type Account struct {
	SID, Key, Secret string   // SIDs of the account and of its API key; a reference (internal/secret)
	Region, Endpoint string   // empty: us1, and Twilio's hosts
	Parallel         int      // calls at once, at most; 0: as many as are usual
	ChatService      string   // SID of the one with its conversations; empty: the account's default one, else that of Flex
	Workspaces       []string // SIDs of those that are known to be its
}

// EnvironmentAccount returns the account whose credentials the environment holds. What it lacks is
// empty.
func EnvironmentAccount() Account {
	a := Account{SID: os.Getenv(AccountVariable), Key: os.Getenv(KeyVariable)}
	if os.Getenv(SecretVariable) != "" {
		a.Secret = "env:" + SecretVariable
	}
	return a
}

// Lacks returns the environment variables of what an account lacks for a call.
func (a Account) Lacks() (variables []string) {
	for _, v := range []struct{ name, has string }{{AccountVariable, a.SID}, {KeyVariable, a.Key}, {SecretVariable, a.Secret}} {
		if v.has == "" {
			variables = append(variables, v.name)
		}
	}
	return variables
}

// Complete tells whether an account has what a call needs.
func (a Account) Complete() bool { return a.SID != "" && a.Key != "" && a.Secret != "" }

// Or returns the account with what it lacks from another one.
func (a Account) Or(b Account) Account {
	a.SID, a.Key, a.Secret = cmp.Or(a.SID, b.SID), cmp.Or(a.Key, b.Key), cmp.Or(a.Secret, b.Secret)
	a.Region, a.Endpoint, a.ChatService = cmp.Or(a.Region, b.Region), cmp.Or(a.Endpoint, b.Endpoint), cmp.Or(a.ChatService, b.ChatService)
	a.Parallel = cmp.Or(a.Parallel, b.Parallel)
	if a.Workspaces == nil {
		a.Workspaces = b.Workspaces
	}
	return a
}

// Find returns the account with a SID.
func Find(accounts []Account, sid string) (Account, bool) {
	i := slices.IndexFunc(accounts, func(a Account) bool { return a.SID == sid })
	if i < 0 {
		return Account{}, false
	}
	return accounts[i], true
}
