package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/template"
	"latchkey/infra/testkit/enginetest"
)

// feed is a table whose stream feeds a function of the test.
type feed struct {
	t        *testing.T
	client   *dynamodb.Client
	endpoint string
	table    string
	event    template.Stream
	folder   string
	now      func() time.Time

	mu      sync.Mutex
	answer  function // nil is success
	batches []string // the keys of a batch's records, one after the other
	last    sent     // the last record of the last batch
	log     []string
}

// function is what a test does with a batch: it gives the answer.
type function func(batch []sent) (string, error)

// sent is a record as the function gets it.
type sent struct{ key, sequence string }

// newFeed is for tables of one of the shared engines. A poison record does not keep a test waiting.
func newFeed(t *testing.T, on enginetest.Tables) *feed {
	return &feed{
		t: t, client: on.Client, endpoint: on.Endpoint, table: on.Sessions, now: time.Now,
		event: template.Stream{Event: "Outbox", Table: "Sessions", BatchSize: 10, MaxRetries: -1, Bisect: true, ReportItemFailures: true},
	}
}

func (f *feed) options() Options {
	return Options{
		Template: &template.Template{
			Functions: []template.Function{{Name: "Mailer", Streams: []template.Stream{f.event}}},
			Tables:    []template.Table{{LogicalID: "Sessions", Name: f.table, StreamView: "NEW_IMAGE"}},
		},
		Endpoint: f.endpoint, Folder: f.folder, Invoke: f.invoke, Now: f.now, Logf: f.logf,
	}
}

// start delivers until the test's end or Close.
func (f *feed) start() *Mappings {
	f.t.Helper()
	m, err := Start(f.t.Context(), f.options())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(m.Close)
	return m
}

func (f *feed) invoke(_ context.Context, function string, payload []byte) ([]byte, error) {
	var event struct {
		Records []struct {
			Change struct {
				Keys           struct{ PK struct{ S string } }
				SequenceNumber string
			} `json:"dynamodb"`
		}
	}
	if err := json.Unmarshal(payload, &event); err != nil || function != "Mailer" {
		f.t.Errorf("%s got %s: %v", function, payload, err)
	}
	var batch []sent
	keys := ""
	for _, r := range event.Records {
		batch = append(batch, sent{r.Change.Keys.PK.S, r.Change.SequenceNumber})
		keys += r.Change.Keys.PK.S
	}
	f.mu.Lock()
	f.batches, f.last = append(f.batches, keys), batch[len(batch)-1]
	answer := f.answer
	f.mu.Unlock()
	if answer == nil {
		return nil, nil
	}
	text, err := answer(batch)
	return []byte(text), err
}

func (f *feed) logf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, fmt.Sprintf(format, args...))
}

func (f *feed) got() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}

func (f *feed) logged(part string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.log, func(line string) bool { return strings.Contains(line, part) })
}

// expect waits until so many batches have come, and a moment for one too many.
func (f *feed) expect(want ...string) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("batches %q", want), func() bool { return len(f.got()) >= len(want) })
	time.Sleep(2 * pollInterval)
	if got := f.got(); !slices.Equal(got, want) {
		f.t.Errorf("batches %q, want %q", got, want)
	}
}

// put writes an item for each of the keys, in that order.
func (f *feed) put(keys string, attributes ...string) {
	f.t.Helper()
	for _, key := range strings.Split(keys, "") {
		item := map[string]types.AttributeValue{"pk": text(key), "sk": text("-")}
		for i := 0; i < len(attributes); i += 2 {
			item[attributes[i]] = text(attributes[i+1])
		}
		if _, err := f.client.PutItem(f.t.Context(), &dynamodb.PutItemInput{TableName: &f.table, Item: item}); err != nil {
			f.t.Fatal(err)
		}
	}
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

// eventually waits for what happens by itself, within seconds even on a loaded machine.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (f *feed) setAnswer(answer function) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// lastDelivered is the sequence number of the record delivered last.
func (f *feed) lastDelivered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return number(f.t, f.last.sequence)
}

// checkpoint is the sequence number up to which the kept checkpoint says that all is done; 0 for none.
func (f *feed) checkpoint() int {
	f.t.Helper()
	c, err := openCheckpoints(filepath.Join(f.folder, "Mailer-Outbox.json"), f.stream())
	if err != nil {
		f.t.Fatal(err)
	}
	highest := 0
	for _, p := range c.kept.Shards {
		highest = max(highest, number(f.t, p.After))
	}
	return highest
}

func (f *feed) stream() string {
	f.t.Helper()
	stream, err := latestStream(f.t.Context(), f.endpoint, f.table, http.DefaultClient)
	if err != nil {
		f.t.Fatal(err)
	}
	return stream
}

func number(t *testing.T, sequence string) int {
	t.Helper()
	if sequence == "" {
		return 0
	}
	parsed, err := strconv.Atoi(sequence)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// report is the answer that names the records with these keys as failed.
func report(batch []sent, keys string) string {
	var failures []string
	for _, key := range strings.Split(keys, "") {
		for _, r := range batch {
			if r.key == key {
				failures = append(failures, fmt.Sprintf(`{"itemIdentifier":%q}`, r.sequence))
			}
		}
	}
	return fmt.Sprintf(`{"batchItemFailures":[%s]}`, strings.Join(failures, ","))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
