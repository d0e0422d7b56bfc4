package streams

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit"
	"latchkey/infra/testkit/enginetest"
)

func TestRecordsAreDeliveredInOrderAndInBatches(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, on enginetest.Tables) {
		f := newFeed(t, on)
		f.put("abcdefghijklmnopqrstuvw")
		f.start()
		f.expect("abcdefghij", "klmnopqrst", "uvw")
		f.put("x")
		start := time.Now()
		f.expect("abcdefghij", "klmnopqrst", "uvw", "x")
		if delay := time.Since(start); delay > 2*time.Second {
			t.Errorf("new record: got a delay of %v, want at most 2s", delay)
		}
	})
}

const outboxOnly = `{"eventName":["INSERT"],"dynamodb":{"NewImage":{"purpose":{"S":[{"exists":true}]},"state":{"S":["queued"]}}}}`

func TestOnlySelectedRecordsAreDelivered(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, on enginetest.Tables) {
		f := newFeed(t, on)
		f.folder, f.event.Filters = t.TempDir(), []string{`{"eventName":["REMOVE"]}`, outboxOnly}
		f.put("a")                                          // not an outbox item
		f.put("bc", "purpose", "verify", "state", "queued") // new
		f.put("b", "purpose", "verify", "state", "sent")    // changed
		f.put("c", "purpose", "verify", "state", "queued")  // MODIFY, or no record
		f.put("d", "purpose", "verify", "state", "void")    // new, but not queued
		key := map[string]types.AttributeValue{"pk": text("a"), "sk": text("-")}
		if _, err := on.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &on.Sessions, Key: key}); err != nil {
			t.Fatal(err)
		}
		f.put("efg") // after the last selected record
		f.start()
		f.expect("bca")
		f.put("b", "note", "MODIFY")
		testkit.Eventually(t, "a checkpoint after the filtered records", func() bool { return f.checkpoint() > f.lastDelivered() })
		f.expect("bca")
	})
}

func TestFailuresAreRetried(t *testing.T) {
	errInjected := errors.New("injected")
	failsOnce := func(call int, _ []delivery) (string, error) { return "", map[int]error{1: errInjected}[call] }
	for name, test := range map[string]struct {
		change func(*feed)
		handle func(call int, batch []delivery) (string, error)
		want   []string
	}{
		"function fails once": {nil, failsOnce, []string{"abcde", "ab", "cde"}},
		"without bisection":   {func(f *feed) { f.event.Bisect = false }, failsOnce, []string{"abcde", "abcde"}},
		"malformed response": {nil,
			func(call int, _ []delivery) (string, error) { return map[int]string{1: "{oops"}[call], nil },
			[]string{"abcde", "ab", "cde"}},
		"malformed response is ignored without ReportItemFailures": {func(f *feed) { f.event.ReportItemFailures = false },
			func(int, []delivery) (string, error) { return "{oops", nil },
			[]string{"abcde"}},
		"bisection isolates a poison record": {func(f *feed) { f.event.MaxRetries = 1 },
			func(_ int, batch []delivery) (string, error) {
				if slices.ContainsFunc(batch, func(r delivery) bool { return r.key == "c" }) {
					return "", errInjected
				}
				return "", nil
			},
			[]string{"abcde", "ab", "cde", "c", "c", "de"}},
		"retry from the first reported record": {nil,
			func(call int, batch []delivery) (string, error) {
				return report(batch, map[int]string{1: "dc"}[call]), nil
			},
			[]string{"abcde", "cde"}},
		"reported until the retries end, then dropped with the rest": {func(f *feed) { f.event.MaxRetries = 2 },
			func(_ int, batch []delivery) (string, error) { return report(batch, "c"), nil },
			[]string{"abcde", "cde", "cde"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the cases mostly wait
			f := newFeed(t, enginetest.Dynoxide(t))
			if test.change != nil {
				test.change(f)
			}
			var call atomic.Int32
			f.handle = func(batch []delivery) (string, error) { return test.handle(int(call.Add(1)), batch) }
			f.put("abcde")
			f.start()
			f.expect(test.want...)
		})
	}
}

func TestOldRecordsAreDropped(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	var ahead atomic.Int64
	f.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	f.event.MaxAge, f.event.BatchSize = time.Hour, 1
	f.handle = func([]delivery) (string, error) { return "", errors.New("injected") }
	f.put("a")
	f.start()
	testkit.Eventually(t, "three attempts", func() bool { return len(f.got()) >= 3 })
	ahead.Store(int64(2 * time.Hour))
	testkit.Eventually(t, "a log line about the dropped record", func() bool { return f.logged("dropped 1 records") && f.logged("older than 1h0m0s") })
	attempts := len(f.got())
	ahead.Store(0)
	f.setHandle(nil)
	f.put("b")
	testkit.Eventually(t, "the next record", func() bool { return len(f.got()) > attempts })
	if got := f.got()[attempts:]; !slices.Equal(got, []string{"b"}) {
		t.Errorf("after the drop: got batches %q, want b", got)
	}
}

func TestRestartNeitherLosesNorRepeatsRecords(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	f.folder = t.TempDir()
	first := f.start()
	f.put("ab")
	testkit.Eventually(t, "the records ab", func() bool { return strings.Join(f.got(), "") == "ab" })
	testkit.Eventually(t, "a checkpoint after them", func() bool { return f.checkpoint() >= f.lastDelivered() })
	first.Close()
	f.put("cd")
	second := f.start()
	testkit.Eventually(t, "the records abcd, each once", func() bool { return strings.Join(f.got(), "") == "abcd" })
	second.Close()
	write(t, filepath.Join(f.folder, "Mailer-Outbox.json"), `{"stream":"another","shards":{}}`)
	f.start()
	testkit.Eventually(t, "all records again, because the checkpoints are of another stream", func() bool { return strings.Join(f.got(), "") == "abcdabcd" })
}

func TestInterruptedBatchIsDeliveredAgain(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	f.folder = t.TempDir()
	release := make(chan struct{})
	f.handle = func([]delivery) (string, error) { <-release; return "", nil } // the response arrives too late
	f.put("ab")
	m := f.start()
	f.expect("ab")
	go func() { time.Sleep(50 * time.Millisecond); close(release) }()
	m.Close()
	f.setHandle(nil)
	f.start()
	f.expect("ab", "ab")
}

func TestLatestSkipsOldRecords(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, on enginetest.Tables) {
		f := newFeed(t, on)
		f.event.FromLatest = true
		f.put("ab")
		f.start()
		// The test cannot observe when the mapping opens the shard, so it writes until a record is delivered.
		testkit.Eventually(t, "a new record", func() bool {
			f.put("c", "at", time.Now().String())
			time.Sleep(2 * pollInterval)
			return len(f.got()) > 0
		})
		if got := strings.Join(f.got(), ""); strings.Trim(got, "c") != "" {
			t.Errorf("got %q, want only c", got)
		}
	})
}

func TestIncompleteBatchWaitsForTheWindow(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	f.event.Window, f.event.BatchSize = time.Hour, 3
	var ahead atomic.Int64
	f.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	f.start()
	f.put("a")
	time.Sleep(3 * pollInterval)
	f.put("bcd")
	f.expect("abc")
	ahead.Store(int64(2 * time.Hour))
	f.expect("abc", "d")
}

func TestStartFails(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*feed)
		want   string
	}{
		"unsupported filter":    {func(f *feed) { f.event.Filters = []string{`{"a":[{"suffix":"x"}]}`} }, "does not support the operator suffix"},
		"unknown table":         {func(f *feed) { f.table = "Other" }, "finding the stream of table Other: "},
		"table without stream":  {func(f *feed) { f.table = strings.Replace(f.table, "Sessions", "Users", 1) }, "Users: it has none"},
		"table not in template": {func(f *feed) { f.event.Table = "Other" }, "the template has no table Other"},
		"malformed checkpoint":  {func(f *feed) { write(t, filepath.Join(f.folder, "Mailer-Outbox.json"), "{") }, "delete the file to deliver the stream"},
		"unreadable checkpoint": {func(f *feed) { _ = os.Mkdir(filepath.Join(f.folder, "Mailer-Outbox.json"), 0o700) }, "reading the checkpoints: "},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, enginetest.Dynoxide(t))
			f.folder = t.TempDir()
			test.change(f)
			m, err := Start(t.Context(), f.options())
			if err == nil {
				m.Close()
				t.Fatalf("Start succeeded, want error %q", test.want)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "event Outbox of Mailer: ") {
				t.Errorf("got error %q, want %q after the event and its function", err, test.want)
			}
		})
	}
}

func TestCloseLeavesNoGoroutines(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	f.put("a") // opens the test's own connection, which stays open
	before := runtime.NumGoroutine()
	for i := range 5 {
		m := f.start()
		testkit.Eventually(t, "a batch", func() bool { return len(f.got()) > i })
		m.Close()
	}
	testkit.Eventually(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before })
}
