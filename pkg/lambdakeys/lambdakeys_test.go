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

const ours = "/latchkey/test/keys"

// keys note what is done to them.
type keys struct {
	done    []string
	failure error
	panics  bool
	left    time.Duration // until the deadline of what is done
}

func (k *keys) do(ctx context.Context, what string) error {
	k.done = append(k.done, what)
	if deadline, ok := ctx.Deadline(); ok {
		k.left = time.Until(deadline)
	}
	if k.panics {
		panic("at the disco")
	}
	return k.failure
}

func (k *keys) Rotate(ctx context.Context) error              { return k.do(ctx, "rotate") }
func (k *keys) Revoke(ctx context.Context, name string) error { return k.do(ctx, "revoke "+name) }
func (k *keys) Destroy(ctx context.Context) error             { return k.do(ctx, "destroy") }

// cloudFormation takes answers; the first of them it loses, if so told.
type cloudFormation struct {
	*httptest.Server
	answers []map[string]string
	loses   int
}

func newCloudFormation(t *testing.T, loses int) *cloudFormation {
	t.Helper()
	c := &cloudFormation{loses: loses}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.loses > 0 {
			c.loses--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(r.Body)
		var answer map[string]string
		if err != nil || json.Unmarshal(body, &answer) != nil || r.Method != http.MethodPut || r.Header.Get("Content-Type") != "" || len(body) > 4096 {
			t.Errorf("%s %q of %q: %s", r.Method, r.URL, r.Header.Get("Content-Type"), body)
		}
		c.answers = append(c.answers, answer)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cloudFormation) event(kind, physical string) string {
	return fmt.Sprintf(`{"RequestType":%q,"ResponseURL":%q,"StackId":"s","RequestId":"r","LogicalResourceId":"Keys",
		"PhysicalResourceId":%q,"ResourceType":"AWS::CloudFormation::CustomResource","ResourceProperties":{"Settings":["ES256"]}}`,
		kind, c.URL+"/answer?Signature=x", physical)
}

func handler(k *keys, fault error, loopback bool, log io.Writer) lambdakeys.Handler {
	return lambdakeys.Adapt(k, lambdakeys.Options{ID: ours, Fault: fault, Loopback: loopback, Log: slog.New(slog.NewTextHandler(log, nil))})
}

func TestCloudFormationIsAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		kind, physical string
		keys           keys
		fault          error
		loses          int
		done           string
		status, reason string
	}{
		"creation":                 {kind: "Create", done: "rotate", status: "SUCCESS"},
		"update":                   {kind: "Update", physical: ours, done: "rotate", status: "SUCCESS"},
		"deletion":                 {kind: "Delete", physical: ours, done: "destroy", status: "SUCCESS"},
		"deletion of others":       {kind: "Delete", physical: "failed-create", done: "", status: "SUCCESS"},
		"an unknown request":       {kind: "Pause", done: "", status: "FAILED", reason: "RequestType"},
		"failure":                  {kind: "Create", keys: keys{failure: errors.New("no way")}, done: "rotate", status: "FAILED", reason: "no way"},
		"panic":                    {kind: "Create", keys: keys{panics: true}, done: "rotate", status: "FAILED", reason: "panic"},
		"a long reason":            {kind: "Create", keys: keys{failure: errors.New(strings.Repeat("é", 9000))}, done: "rotate", status: "FAILED", reason: "éé"},
		"a broken configuration":   {kind: "Create", fault: errors.New("LOG_LEVEL: no"), done: "", status: "FAILED", reason: "LOG_LEVEL"},
		"an answer that got lost":  {kind: "Create", loses: 2, done: "rotate", status: "SUCCESS"},
		"deletion with that fault": {kind: "Delete", physical: ours, fault: errors.New("KEYS_PREFIX: no"), status: "FAILED", reason: "KEYS_PREFIX"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud, k := newCloudFormation(t, test.loses), test.keys
			if _, err := handler(&k, test.fault, true, io.Discard).Invoke(t.Context(), []byte(cloud.event(test.kind, test.physical))); err != nil {
				t.Error(err)
			}
			if got := strings.Join(k.done, ","); got != test.done {
				t.Errorf("done: %s", got)
			}
			if len(cloud.answers) != 1 {
				t.Fatalf("%d answers", len(cloud.answers))
			}
			got := cloud.answers[0]
			if got["Status"] != test.status || !strings.Contains(got["Reason"], test.reason) || got["PhysicalResourceId"] != ours ||
				got["StackId"] != "s" || got["RequestId"] != "r" || got["LogicalResourceId"] != "Keys" {
				t.Errorf("the answer is %v", got)
			}
		})
	}
}

func TestCloudFormationThatTakesNoAnswerIsAFailure(t *testing.T) {
	cloud, k := newCloudFormation(t, 100), keys{}
	_, err := handler(&k, nil, true, io.Discard).Invoke(t.Context(), []byte(cloud.event("Create", "")))
	if err == nil || !strings.Contains(err.Error(), "the status is 503") || strings.Contains(err.Error(), "Signature") {
		t.Errorf("the error is %v", err)
	}
}

// TestAnswersGoToAWSAlone, and the keys are dealt with none the less.
func TestAnswersGoToAWSAlone(t *testing.T) {
	for _, address := range []string{
		"http://127.0.0.1:1/", "http://bucket.s3.amazonaws.com/", "https://amazonaws.com.evil.example/", "https://evilamazonaws.com/",
		"https://user@bucket.s3.amazonaws.com/", "https://bucket.s3.amazonaws.com:444/", "https://169.254.169.254/", "", ":",
	} {
		k := keys{}
		event := fmt.Sprintf(`{"RequestType":"Create","ResponseURL":%q}`, address)
		if _, err := handler(&k, nil, false, io.Discard).Invoke(t.Context(), []byte(event)); err == nil || !strings.Contains(err.Error(), "ResponseURL") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestActions(t *testing.T) {
	for name, test := range map[string]struct {
		event, done, fault string
	}{
		"the schedule":   {`{"action":"rotate"}`, "rotate", ""},
		"a revocation":   {`{"action":"revoke","key":"signing/0001"}`, "revoke signing/0001", ""},
		"no action":      {`{}`, "", "its action is neither"},
		"another action": {`{"action":"Rotate"}`, "", "its action is neither"},
		"no JSON":        {`rotate`, "", "reading the event"},
	} {
		t.Run(name, func(t *testing.T) {
			k := keys{}
			_, err := handler(&k, nil, false, io.Discard).Invoke(t.Context(), []byte(test.event))
			if got := strings.Join(k.done, ","); got != test.done || (err == nil) != (test.fault == "") {
				t.Errorf("done %q, error %v", got, err)
			}
			if err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Error(err)
			}
		})
	}
}

func TestAFailedActionFailsTheFunctionAndIsLogged(t *testing.T) {
	var log bytes.Buffer
	k := keys{failure: errors.New("no way")}
	if _, err := handler(&k, nil, false, &log).Invoke(t.Context(), []byte(`{"action":"rotate"}`)); !errors.Is(err, k.failure) {
		t.Errorf("the error is %v", err)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "no way") {
		t.Errorf("the log says %s", log.String())
	}
}

// TestTimeIsLeftForAnAnswer of the function's minute.
func TestTimeIsLeftForAnAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	k := keys{}
	if _, err := handler(&k, nil, false, io.Discard).Invoke(ctx, []byte(`{"action":"rotate"}`)); err != nil {
		t.Fatal(err)
	}
	if k.left <= 0 || k.left > 50*time.Second {
		t.Errorf("%v are left for the work", k.left)
	}
}
