package twiliolocal_test

import (
	_ "embed" // the files of openapi
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"flexbeam/internal/testkit/install"
	"flexbeam/internal/testkit/twiliolocal"
)

var (
	//go:embed openapi/package.json
	corePackage []byte
	//go:embed openapi/package-lock.json
	coreLock []byte
)

// coreVersion is the version that openapi/package.json pins.
const coreVersion = "9.0.0"

// specs are Twilio's OpenAPI files by product.
type specs map[string]*openapi3.T

// published returns Twilio's OpenAPI files, which it publishes with its command line. Of npm's packages
// only that one is fetched. Without Node.js there are none.
func published(t *testing.T) specs {
	t.Helper()
	if os.Getenv("FLEXBEAM_TEST_KINESIS") == "fake" { // there is no Node.js: see docs/testing.md
		return nil
	}
	folder := install.NPM(t, "twilio-openapi-"+coreVersion, "Twilio's OpenAPI files come by npm, which Node.js 20 or later has", map[string][]byte{"package.json": corePackage, "package-lock.json": coreLock})
	all := specs{}
	for product, version := range map[string]string{"taskrouter": "v1", "conversations": "v1", "events": "v1", "chat": "v2", "flex-api": "v1"} {
		path := filepath.Join(folder, "node_modules", "@twilio", "cli-core", "src", "services", "twilio-api", "twilio_"+strings.TrimSuffix(product, "-api")+"_"+version+".json")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := openapi3.NewLoader().LoadFromData(b)
		if err != nil {
			t.Fatal(err)
		}
		all[product] = doc
	}
	return all
}

// check returns what is wrong with an answer: its path has to be published, its status one of those
// that are, its body valid, and every member of it named.
func (s specs) check(product, method, path string, status int, body []byte) error {
	if s == nil {
		return nil
	}
	for pattern, item := range s[product].Paths.Map() {
		op := item.GetOperation(method)
		if op == nil || !matches(pattern, path) {
			continue
		}
		response := op.Responses.Status(status)
		if response == nil {
			return fmt.Errorf("the status %d is not published", status)
		}
		content := response.Value.Content.Get("application/json")
		if content == nil || len(body) == 0 {
			if content != nil || len(body) != 0 {
				return fmt.Errorf("%d bytes of an answer", len(body))
			}
			return nil
		}
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			return err
		}
		if err := content.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()); err != nil {
			return err
		}
		return named(content.Schema.Value, value, "")
	}
	return fmt.Errorf("no such path is published")
}

// matches tells whether a path is one of a pattern such as /v1/Sinks/{Sid}.
func matches(pattern, path string) bool {
	a, b := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(a, b, func(a, b string) bool { return a == b || strings.HasPrefix(a, "{") })
}

// named returns an error if a value has a member that its schema does not name, or lacks one.
func named(schema *openapi3.Schema, value any, at string) error {
	switch v := value.(type) {
	case []any:
		if schema.Items == nil {
			return nil
		}
		for i := range v {
			if err := named(schema.Items.Value, v[i], fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		if len(schema.Properties) == 0 {
			return nil
		}
		for name, member := range v {
			of := schema.Properties[name]
			if of == nil {
				return fmt.Errorf("%s.%s is not published", at, name)
			}
			if err := named(of.Value, member, at+"."+name); err != nil {
				return err
			}
		}
		for name := range schema.Properties {
			if _, ok := v[name]; !ok {
				return fmt.Errorf("%s.%s is missing", at, name)
			}
		}
	}
	return nil
}

// TestAnswersHaveThePublishedForm calls every resource that is served, and holds its answers to
// Twilio's OpenAPI files.
func TestAnswersHaveThePublishedForm(t *testing.T) {
	s := filled(t)
	all := published(t)
	form := func(pairs ...string) url.Values {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Add(pairs[i], pairs[i+1])
		}
		return v
	}
	ch, im, mb := "/Conversations/"+chat, "/Messages/IM"+zeros("1"), "/Participants/MB"+zeros("2")
	ws := "/v1/Workspaces/" + workspace
	tests := []struct {
		product, method, path string
		form                  url.Values
	}{
		{"taskrouter", "GET", "/v1/Workspaces", nil},
		{"taskrouter", "GET", ws, nil},
		{"taskrouter", "GET", ws + "/Events?StartDate=2026-03-02T00:00:00Z&PageSize=2", nil},
		{"taskrouter", "GET", ws + "/Events/" + firstEvent, nil},
		{"taskrouter", "GET", ws + "/Workers", nil},
		{"taskrouter", "GET", ws + "/Workers/WK" + zeros("1"), nil},
		{"taskrouter", "GET", ws + "/Activities", nil},
		{"taskrouter", "GET", ws + "/TaskQueues", nil},
		{"conversations", "GET", "/v1/Configuration", nil},
		{"conversations", "GET", "/v1" + ch, nil},
		{"conversations", "GET", "/v1" + ch + "/Messages?PageSize=1&Order=desc", nil},
		{"conversations", "GET", "/v1" + ch + im, nil},
		{"conversations", "GET", "/v1" + ch + "/Participants", nil},
		{"conversations", "GET", "/v1" + ch + mb, nil},
		{"conversations", "GET", "/v1/Services/" + twiliolocal.DefaultChatService, nil},
		{"conversations", "GET", "/v1/Services/" + twiliolocal.DefaultChatService + ch, nil},
		{"conversations", "GET", "/v1/Services/" + twiliolocal.DefaultChatService + ch + "/Messages", nil},
		{"conversations", "GET", "/v1/Services/" + twiliolocal.DefaultChatService + ch + im, nil},
		{"conversations", "GET", "/v1/Services/" + twiliolocal.DefaultChatService + ch + "/Participants", nil},
		{"conversations", "GET", "/v1/Services/" + twiliolocal.DefaultChatService + ch + mb, nil},
		{"chat", "GET", "/v2/Services/" + twiliolocal.DefaultChatService + "/Channels/" + channel + "/Messages", nil},
		{"chat", "GET", "/v2/Services/" + twiliolocal.DefaultChatService + "/Channels/" + channel + "/Members", nil},
		{"flex-api", "GET", "/v1/Interactions/" + interaction + "/Channels", nil},
		{"flex-api", "GET", "/v1/Interactions/" + interaction + "/Channels/UO" + zeros("1") + "/Invites", nil},
		{"events", "GET", "/v1/Types?SchemaId=TaskRouter.WDSEvent", nil},
		{"events", "GET", "/v1/Types/com.twilio.taskrouter.task.created", nil},
		{"events", "GET", "/v1/Schemas/TaskRouter.WDSEvent", nil},
		{"events", "GET", "/v1/Schemas/TaskRouter.WDSEvent/Versions", nil},
		{"events", "POST", "/v1/Sinks", form("Description", "d", "SinkType", "kinesis", "SinkConfiguration", `{"arn":"a","role_arn":"r","external_id":"x"}`)},
		{"events", "GET", "/v1/Sinks", nil},
		{"events", "GET", "/v1/Sinks/{sink}", nil},
		{"events", "POST", "/v1/Sinks/{sink}", form("Description", "e")},
		{"events", "POST", "/v1/Sinks/{sink}/Test", nil},
		{"events", "POST", "/v1/Subscriptions", form("Description", "d", "SinkSid", "{sink}", "Types", `{"type":"com.twilio.taskrouter.task.created","schema_version":3}`)},
		{"events", "GET", "/v1/Subscriptions", nil},
		{"events", "GET", "/v1/Subscriptions/{subscription}", nil},
		{"events", "POST", "/v1/Subscriptions/{subscription}/SubscribedEvents", form("Type", "com.twilio.taskrouter.task.updated")},
		{"events", "GET", "/v1/Subscriptions/{subscription}/SubscribedEvents", nil},
		{"events", "GET", "/v1/Subscriptions/{subscription}/SubscribedEvents/com.twilio.taskrouter.task.updated", nil},
		{"events", "POST", "/v1/Subscriptions/{subscription}/SubscribedEvents/com.twilio.taskrouter.task.updated", form("SchemaVersion", "2")},
		{"events", "DELETE", "/v1/Subscriptions/{subscription}/SubscribedEvents/com.twilio.taskrouter.task.updated", nil},
		{"events", "DELETE", "/v1/Subscriptions/{subscription}", nil},
		{"events", "DELETE", "/v1/Sinks/{sink}", nil},
	}
	made := map[string]string{"DG": "{sink}", "DF": "{subscription}"}
	var sids []string
	for _, test := range tests {
		names := strings.NewReplacer(sids...)
		path, body := names.Replace(test.path), names.Replace(decoded(test.form))
		res := ask(t, s, test.product, test.method, path, body)
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		at, _, _ := strings.Cut(path, "?")
		if err := all.check(test.product, test.method, at, res.StatusCode, b); err != nil || res.StatusCode >= 300 {
			t.Errorf("%s %s: %d: %v: %.300s", test.method, path, res.StatusCode, err, b)
		}
		var thing struct {
			SID string `json:"sid"`
		}
		if json.Unmarshal(b, &thing) == nil && len(thing.SID) > 2 && made[thing.SID[:2]] != "" {
			sids = append(sids, made[thing.SID[:2]], thing.SID)
		}
	}
}

// decoded writes a form with the braces of names in it.
func decoded(v url.Values) string {
	return strings.NewReplacer("%7Bsink%7D", "{sink}").Replace(v.Encode())
}

// ask calls a server with its key.
func ask(t *testing.T, s *twiliolocal.Server, product, method, path, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, "https://"+product+".twilio.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(s.Key(), s.Secret())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := s.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}
