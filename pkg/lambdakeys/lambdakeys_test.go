package lambdakeys_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/lambdakeys"
)

const keysID = "/latchkey/test/keys"

// keys records the calls to it.
type keys struct {
	calls   []string
	failure error
	panics  bool
	left    time.Duration // until the deadline of the last call
}

func (k *keys) record(ctx context.Context, call string) error {
	k.calls = append(k.calls, call)
	if deadline, ok := ctx.Deadline(); ok {
		k.left = time.Until(deadline)
	}
	if k.panics {
		panic("a fault of the test")
	}
	return k.failure
}

func (k *keys) Rotate(ctx context.Context) error              { return k.record(ctx, "rotate") }
func (k *keys) Revoke(ctx context.Context, name string) error { return k.record(ctx, "revoke "+name) }
func (k *keys) Destroy(ctx context.Context) error             { return k.record(ctx, "destroy") }

// cloudFormation receives responses. It refuses as many as refusals says.
type cloudFormation struct {
	*httptest.Server
	responses []map[string]string
	refusals  int
}

func newCloudFormation(t *testing.T, refusals int) *cloudFormation {
	t.Helper()
	c := &cloudFormation{refusals: refusals}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.refusals > 0 {
			c.refusals--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(r.Body)
		var response map[string]string
		if err != nil || json.Unmarshal(body, &response) != nil || r.Method != http.MethodPut || r.Header.Get("Content-Type") != "" || len(body) > 4096 {
			t.Errorf("got the request %s %q of type %q with the body %s, want a PUT of at most 4 KB of JSON without a type",
				r.Method, r.URL, r.Header.Get("Content-Type"), body)
		}
		c.responses = append(c.responses, response)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cloudFormation) event(kind, physical string) string {
	return fmt.Sprintf(`{"RequestType":%q,"ResponseURL":%q,"StackId":"s","RequestId":"r","LogicalResourceId":"Keys",
		"PhysicalResourceId":%q,"ResourceType":"AWS::CloudFormation::CustomResource","ResourceProperties":{"Settings":["ES256"]}}`,
		kind, c.URL+"/response?Signature=x", physical)
}

func handler(k *keys, fault error, loopback bool, log io.Writer) lambdakeys.Handler {
	return lambdakeys.Adapt(k, lambdakeys.Options{ID: keysID, Fault: fault, Loopback: loopback, Log: slog.New(slog.NewTextHandler(log, nil))})
}

func TestCloudFormationGetsAResponse(t *testing.T) {
	for name, test := range map[string]struct {
		kind, physical string
		keys           keys
		fault          error
		refusals       int
		calls          string
		status, reason string
	}{
		"creation":                 {kind: "Create", calls: "rotate", status: "SUCCESS"},
		"update":                   {kind: "Update", physical: keysID, calls: "rotate", status: "SUCCESS"},
		"deletion":                 {kind: "Delete", physical: keysID, calls: "destroy", status: "SUCCESS"},
		"deletion of another ID":   {kind: "Delete", physical: "failed-create", calls: "", status: "SUCCESS"},
		"an unknown request":       {kind: "Pause", calls: "", status: "FAILED", reason: "RequestType"},
		"failure":                  {kind: "Create", keys: keys{failure: errors.New("no way")}, calls: "rotate", status: "FAILED", reason: "no way"},
		"panic":                    {kind: "Create", keys: keys{panics: true}, calls: "rotate", status: "FAILED", reason: "panic"},
		"a long reason":            {kind: "Create", keys: keys{failure: errors.New(strings.Repeat("é", 9000))}, calls: "rotate", status: "FAILED", reason: "éé"},
		"an invalid configuration": {kind: "Create", fault: errors.New("LOG_LEVEL: no"), calls: "", status: "FAILED", reason: "LOG_LEVEL"},
		"two refused responses":    {kind: "Create", refusals: 2, calls: "rotate", status: "SUCCESS"},
		"deletion with a fault":    {kind: "Delete", physical: keysID, fault: errors.New("KEYS_PREFIX: no"), status: "FAILED", reason: "KEYS_PREFIX"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud, k := newCloudFormation(t, test.refusals), test.keys
			if _, err := handler(&k, test.fault, true, io.Discard).Invoke(t.Context(), []byte(cloud.event(test.kind, test.physical))); err != nil {
				t.Errorf("Invoke returned the error %v, want nil", err)
			}
			if got := strings.Join(k.calls, ","); got != test.calls {
				t.Errorf("got the calls %q, want %q", got, test.calls)
			}
			if len(cloud.responses) != 1 {
				t.Fatalf("got %d responses, want 1", len(cloud.responses))
			}
			got := cloud.responses[0]
			if got["Status"] != test.status || !strings.Contains(got["Reason"], test.reason) || got["PhysicalResourceId"] != keysID ||
				got["StackId"] != "s" || got["RequestId"] != "r" || got["LogicalResourceId"] != "Keys" {
				t.Errorf("got the response %v, want the status %s with the ids of the request and %q in the reason", got, test.status, test.reason)
			}
		})
	}
}

func TestAResponseThatIsAlwaysRefusedIsAnError(t *testing.T) {
	cloud, k := newCloudFormation(t, 100), keys{}
	_, err := handler(&k, nil, true, io.Discard).Invoke(t.Context(), []byte(cloud.event("Create", "")))
	if err == nil || !strings.Contains(err.Error(), "the status is 503") || strings.Contains(err.Error(), "Signature") {
		t.Errorf("Invoke returned the error %v, want the status 503 without the signed URL", err)
	}
}

// TestResponsesGoOnlyToAWS shows that every other address is refused.
func TestResponsesGoOnlyToAWS(t *testing.T) {
	for _, address := range []string{
		"http://127.0.0.1:1/", "http://bucket.s3.amazonaws.com/", "https://amazonaws.com.evil.example/", "https://evilamazonaws.com/",
		"https://user@bucket.s3.amazonaws.com/", "https://bucket.s3.amazonaws.com:444/", "https://169.254.169.254/", "", ":",
	} {
		k := keys{}
		event := fmt.Sprintf(`{"RequestType":"Create","ResponseURL":%q}`, address)
		if _, err := handler(&k, nil, false, io.Discard).Invoke(t.Context(), []byte(event)); err == nil || !strings.Contains(err.Error(), "ResponseURL") {
			t.Errorf("Invoke with the ResponseURL %q returned the error %v, want a refusal of the URL", address, err)
		}
	}
}

func TestActions(t *testing.T) {
	for name, test := range map[string]struct {
		event, calls, fault string
	}{
		"the schedule":   {`{"action":"rotate"}`, "rotate", ""},
		"a revocation":   {`{"action":"revoke","key":"signing/0001"}`, "revoke signing/0001", ""},
		"no action":      {`{}`, "", "the action is neither"},
		"another action": {`{"action":"Rotate"}`, "", "the action is neither"},
		"not JSON":       {`rotate`, "", "reading the event"},
	} {
		t.Run(name, func(t *testing.T) {
			k := keys{}
			_, err := handler(&k, nil, false, io.Discard).Invoke(t.Context(), []byte(test.event))
			if got := strings.Join(k.calls, ","); got != test.calls || (err == nil) != (test.fault == "") {
				t.Errorf("Invoke(%s) made the calls %q and returned the error %v, want %q and %q", test.event, got, err, test.calls, test.fault)
			}
			if err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Errorf("Invoke(%s) returned the error %v, want %q in it", test.event, err, test.fault)
			}
		})
	}
}

func TestAFailedActionFailsTheFunctionAndIsLogged(t *testing.T) {
	var log bytes.Buffer
	k := keys{failure: errors.New("no way")}
	if _, err := handler(&k, nil, false, &log).Invoke(t.Context(), []byte(`{"action":"rotate"}`)); !errors.Is(err, k.failure) {
		t.Errorf("Invoke returned the error %v, want %v", err, k.failure)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "no way") {
		t.Errorf("got the log %s, want a line of level ERROR with the cause", log.String())
	}
}

// TestTimeIsLeftForTheResponse shows that the work may not use the whole time of the function.
func TestTimeIsLeftForTheResponse(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	k := keys{}
	if _, err := handler(&k, nil, false, io.Discard).Invoke(ctx, []byte(`{"action":"rotate"}`)); err != nil {
		t.Fatal(err)
	}
	if k.left <= 0 || k.left > 50*time.Second {
		t.Errorf("got %v for the work of a function with a minute, want at most 50 s", k.left)
	}
}
