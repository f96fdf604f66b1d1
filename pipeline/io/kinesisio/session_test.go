package kinesisio

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/aws/smithy-go"

	"flexbeam/internal/testkit/kinesisfake"
)

func TestTeardownEndsWhatIsReadAheadOnceNoDoFnNeedsIt(t *testing.T) {
	f := newFake(t, kinesisfake.Options{})
	f.CreateStream("s", 1)
	r := newRunner(t, nil, []Stream{{Name: "s", Endpoint: f.URL}})
	defer r.close()
	r.until("a batch", func() bool { return len(r.batches) > 0 })
	rd := r.session.state("s", r.shards[0].elem.ID).reader
	if err := r.find.Teardown(); err != nil {
		t.Fatal(err)
	}
	if !rd.usable(rd.at) {
		t.Error("the reader ended, and a DoFn still needs it")
	}
	if err := r.read.Teardown(); err != nil {
		t.Fatal(err)
	}
	if rd.usable(rd.at) {
		t.Error("the reader goes on, and no DoFn needs it")
	}
	if err := r.read.Setup(); err != nil { // another DoFn of the job begins where the shard stands
		t.Fatal(err)
	}
	f.PutTexts("s", "k", "record")
	r.until("the record", func() bool { return len(r.texts()) == 1 })
}

func init() { beam.RegisterType(reflect.TypeFor[nobody]()) }

// nobody finds no controller.
type nobody struct{}

func (nobody) FindController() Controller { return nil }

func TestADoFnWithoutTheControllerOfItsJobFails(t *testing.T) {
	o, err := newReadOption([]ReadOptionFn{ReadController(nobody{})})
	if err != nil {
		t.Fatal(err)
	}
	fn := &readFn{sessions: sessions{Config: o.settings}}
	if err := fn.Setup(); !errors.Is(err, ErrNoController) {
		t.Errorf("got %v", err)
	}
}

func TestOptionsTravelWithTheDoFns(t *testing.T) {
	o, err := newReadOption([]ReadOptionFn{ReadController(nobody{}), ReadIdle(), ReadPollInterval(5), ReadRest(7 * time.Second), ReadPositions(map[string]Position{"s/0": {Sequence: "7"}})})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(o.settings)
	if err != nil {
		t.Fatal(err)
	}
	var got settings
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.PollInterval != 5 || got.rest() != 7*time.Second || !got.Idle || got.Positions["s/0"].Sequence != "7" || got.Finder.T != reflect.TypeFor[nobody]() {
		t.Errorf("%s became %+v", b, got)
	}
	if old := new(settings); old.rest() != time.Second {
		t.Errorf("without the option an idle shard rests %v", old.rest())
	}
	for _, wrong := range []ReadOptionFn{ReadPollInterval(-1), ReadSubscribeInterval(-1), ReadController(nil), ReadRest(0), ReadRest(1500 * time.Millisecond)} {
		if _, err := newReadOption([]ReadOptionFn{wrong}); err == nil {
			t.Error("a wrong option is taken")
		}
	}
}

func TestErrorsTellTheirKindAndTheirCause(t *testing.T) {
	kinds := map[string]error{
		notFound: ErrNotFound, "AccessDeniedException": ErrAccess, "ExpiredTokenException": ErrCredentials, "KMSDisabledException": ErrKey,
	}
	for code, kind := range kinds {
		err := explain("s", "shard", "GetRecords", &smithy.GenericAPIError{Code: code})
		var e *Error
		var api smithy.APIError
		if !errors.Is(err, kind) || !errors.As(err, &e) || e.Stream != "s" || e.Shard != "shard" || e.Call != "GetRecords" || !errors.As(err, &api) {
			t.Errorf("%s: %v", code, err)
		}
	}
	if err := explain("s", "", "ListShards", &smithy.GenericAPIError{Code: "Other"}); errors.Is(err, ErrAccess) {
		t.Errorf("%v is of a kind", err)
	}
}
