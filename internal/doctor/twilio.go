package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"flexbeam/internal/eventstreams"
	"flexbeam/internal/finding"
	"flexbeam/internal/secret"
	"flexbeam/internal/twilio"
)

// console is where Twilio's Console is.
const console = "https://console.twilio.com"

const (
	fixKey    = "make a Standard API key in Twilio's Console under API keys, in the account and its region, and set TWILIO_API_KEY and TWILIO_API_SECRET"
	fixRights = "use a Standard API key, or give the Restricted one the right: Twilio's Console, API keys"
)

// known is how a user knows an account.
func (a *Account) known() string {
	switch {
	case !accountSID.MatchString(a.SID): // it may be a secret in the wrong place
		return cmp.Or(a.Where, "the environment")
	case a.Where != "":
		return "account " + a.SID + " (" + a.Where + ")"
	}
	return "account " + a.SID
}

// account starts the checks of an account.
func (e *examination) account(ctx context.Context, a *Account) {
	client, found := a.client(ctx, e)
	if found != nil {
		e.report.Findings = append(e.report.Findings, *found)
		return
	}
	e.start(ctx, a.known()+": TaskRouter", func(ctx context.Context, r *result) { e.taskRouter(ctx, a, client, r) })
	if a.Turns {
		e.start(ctx, a.known()+": Conversations", func(ctx context.Context, r *result) { e.conversations(ctx, a, client, r) })
	}
	if a.Events {
		e.start(ctx, a.known()+": Event Streams", func(ctx context.Context, r *result) { e.eventStreams(ctx, a, client, r) })
	}
}

// client returns a client of an account, or why there can be none.
func (a *Account) client(ctx context.Context, e *examination) (*twilio.Client, *finding.Finding) {
	none := func(name, what, fix string) (*twilio.Client, *finding.Finding) {
		f := finding.New(name, a.known(), what, fix)
		return nil, &f
	}
	var lacks []string
	if a.SID == "" {
		lacks = append(lacks, "the SID of the account (TWILIO_ACCOUNT_SID)")
	}
	if a.Key == "" {
		lacks = append(lacks, "the SID of its API key (TWILIO_API_KEY)")
	}
	if len(lacks) > 0 {
		return none("credentials-missing", strings.Join(lacks, " and ")+" is not set", "export TWILIO_ACCOUNT_SID=AC… TWILIO_API_KEY=SK… TWILIO_API_SECRET=…")
	}
	of, err := a.Secret(ctx)
	if err != nil {
		return none("secret-unreadable", told(err), "set what holds the secret of the API key "+secret.SID(a.Key)+": its secret is shown once, when the key is made")
	}
	e.hide(of.Reveal())
	if err := twilio.CheckRegion(cmp.Or(a.Region, "us1")); err != nil {
		return none("twilio-region", told(err), "write the region us1 or ie1, as the account has it")
	}
	client, err := twilio.New(twilio.Config{
		Account: a.SID, Key: a.Key, Secret: of, Region: a.Region, Endpoint: a.Endpoint,
		Attempts: 2, Patience: e.Timeout, Timeout: e.Timeout,
	})
	if err != nil {
		return none("credentials-form", told(err), "copy the SIDs and the secret from Twilio's Console once more: "+console)
	}
	return client, nil
}

// told is an error of Twilio's without what every one begins with.
func told(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), twilio.ErrConfig.Error()+": "), twilio.ErrRegion.Error()+": ")
}

// fails adds what an error of a call to Twilio means. product is what the key must be able to read.
func (e *examination) fails(ctx context.Context, a *Account, r *result, product string, err error) {
	where := a.known() + ": " + product
	err = inTime(ctx, err, e.Timeout)
	switch {
	case errors.Is(err, twilio.ErrCredentials):
		// Every product says the same of a key.
		r.add(finding.New("credentials-refused", a.known(), "Twilio does not accept the API key "+a.Key+" with its secret (HTTP 401)", fixKey))
	case errors.Is(err, twilio.ErrForbidden):
		r.add(finding.New("credentials-rights", where, err.Error(), fixRights))
	case errors.Is(err, twilio.ErrThrottled):
		r.add(finding.New("twilio-throttled", where, err.Error(), "allow other programs of the account fewer calls at once, or give jobs parallel=5"))
	case errors.Is(err, twilio.ErrUnavailable), errors.Is(err, twilio.ErrBroken), errors.Is(err, errSlow):
		r.add(finding.New("twilio-unreachable", where, err.Error(), "look at the network, at a proxy or endpoint, and at https://status.twilio.com"))
	default:
		r.add(finding.New("check-failed", where, err.Error(), "give the line to Twilio's support if it stays"))
	}
}

// owned adds a finding if an answer of Twilio's is of another account.
func (a *Account) owned(r *result, sid *string) {
	if sid != nil && *sid != "" && *sid != a.SID {
		r.add(finding.Newf("credentials-account", a.known(), "set TWILIO_ACCOUNT_SID="+*sid+", or use an API key of "+a.SID, "the API key %s belongs to the account %s", a.Key, *sid))
	}
}

// taskRouter looks at the workspaces and at the log.
func (e *examination) taskRouter(ctx context.Context, a *Account, c *twilio.Client, r *result) {
	const product = "TaskRouter"
	size := 50
	there := map[string]string{}
	pages := twilio.Pages(ctx, c, func(ctx context.Context) (*taskrouter.ListWorkspaceResponse, error) {
		return c.TaskRouter(ctx).PageWorkspace(&taskrouter.ListWorkspaceParams{PageSize: &size}, "", "")
	}, func(p *taskrouter.ListWorkspaceResponse) *string { return p.Meta.NextPageUrl })
	for page, err := range pages {
		if err != nil {
			e.fails(ctx, a, r, product, err)
			return
		}
		for _, w := range page.Workspaces {
			there[twilio.String(w.Sid)] = twilio.String(w.FriendlyName)
			a.owned(r, w.AccountSid)
		}
	}
	if len(there) == 0 {
		r.add(finding.New("workspace-none", a.known(), "the account has no workspace of TaskRouter", "name the account that has Flex: its SID is on the first page of "+console))
		return
	}
	for _, sid := range a.Workspaces {
		if _, ok := there[sid]; !ok {
			r.add(finding.New("workspace-missing", a.known(), "there is no workspace "+sid, "name one of the account's: "+named(there)))
			return
		}
	}
	log, one, minutes := slices.Sorted(maps.Keys(there))[0], 1, 1
	if len(a.Workspaces) > 0 {
		log = a.Workspaces[0]
	}
	if _, err := c.TaskRouter(ctx).PageEvent(log, &taskrouter.ListEventParams{PageSize: &one, Minutes: &minutes}, "", ""); err != nil {
		e.fails(ctx, a, r, product, err)
	}
}

// conversations looks at the chat services.
func (e *examination) conversations(ctx context.Context, a *Account, c *twilio.Client, r *result) {
	const product = "Conversations"
	of, err := c.Conversations(ctx).FetchConfiguration()
	if err != nil {
		e.fails(ctx, a, r, product, err)
		return
	}
	a.owned(r, of.AccountSid)
	if a.Service != "" {
		if _, err := c.Conversations(ctx).FetchService(a.Service); errors.Is(err, twilio.ErrNotFound) {
			r.add(finding.New("chat-service-missing", a.known(), "there is no chat service "+a.Service, "name the one of Flex, or none: the account's default is "+twilio.String(of.DefaultChatServiceSid)))
		} else if err != nil {
			e.fails(ctx, a, r, product, err)
		}
		return
	}
	flex, err := c.Flex(ctx).FetchConfiguration(nil)
	switch {
	case errors.Is(err, twilio.ErrNotFound): // the account has no Flex: its default is the one
	case err != nil:
		e.fails(ctx, a, r, "Flex", err)
	case twilio.String(flex.ChatServiceInstanceSid) != "" && twilio.String(flex.ChatServiceInstanceSid) != twilio.String(of.DefaultChatServiceSid):
		r.add(finding.Newf("chat-service", a.known(), "say --turns 'missing?service="+twilio.String(flex.ChatServiceInstanceSid)+"'; or make it the default: Twilio's Console, Conversations, Defaults",
			"the account's default chat service is %s, that of Flex %s", cmp.Or(twilio.String(of.DefaultChatServiceSid), "none"), twilio.String(flex.ChatServiceInstanceSid)))
	}
}

// eventStreams finds out what the account has of Event Streams. What that means is judged later.
func (e *examination) eventStreams(ctx context.Context, a *Account, c *twilio.Client, r *result) {
	state, err := eventstreams.Survey(ctx, c)
	if err != nil {
		e.fails(ctx, a, r, "Event Streams", err)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.surveys = append(e.surveys, survey{a, state})
}

// named lists things by their names and SIDs.
func named(all map[string]string) string {
	var list []string
	for _, sid := range slices.Sorted(maps.Keys(all)) {
		list = append(list, fmt.Sprintf("%s (%s)", sid, all[sid]))
	}
	return strings.Join(list, ", ")
}
