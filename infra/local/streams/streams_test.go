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

	"latchkey/infra/testkit/enginetest"
)

func TestRecordsComeInOrderAndInBatches(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, on enginetest.Tables) {
		f := newFeed(t, on)
		f.put("abcdefghijklmnopqrstuvw")
		f.start()
		f.expect("abcdefghij", "klmnopqrst", "uvw")
		f.put("x")
		began := time.Now()
		f.expect("abcdefghij", "klmnopqrst", "uvw", "x")
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a new record came after %v", took)
		}
	})
}

const outboxOnly = `{"eventName":["INSERT"],"dynamodb":{"NewImage":{"purpose":{"S":[{"exists":true}]},"state":{"S":["queued"]}}}}`

func TestOnlyWhatTheFilterWantsComes(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, on enginetest.Tables) {
		f := newFeed(t, on)
		f.folder, f.event.Filters = t.TempDir(), []string{`{"eventName":["REMOVE"]}`, outboxOnly}
		f.put("a")                                          // no outbox item
		f.put("bc", "purpose", "verify", "state", "queued") // new
		f.put("b", "purpose", "verify", "state", "sent")    // changed
		f.put("c", "purpose", "verify", "state", "queued")  // MODIFY, if anything
		f.put("d", "purpose", "verify", "state", "void")    // new, but not queued
		key := map[string]types.AttributeValue{"pk": text("a"), "sk": text("-")}
		if _, err := on.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &on.Sessions, Key: key}); err != nil {
			t.Fatal(err)
		}
		f.put("efg") // behind the last that is wanted
		f.start()
		f.expect("bca")
		f.put("b", "note", "the same in another way")
		eventually(t, "a checkpoint behind what is filtered out", func() bool { return f.checkpoint() > f.lastDelivered() })
		f.expect("bca")
	})
}

func TestAFailureIsTriedAgain(t *testing.T) {
	failing := errors.New("on demand")
	failsOnce := func(call int, _ []sent) (string, error) { return "", map[int]error{1: failing}[call] }
	for name, test := range map[string]struct {
		spoil  func(*feed)
		answer func(call int, batch []sent) (string, error)
		want   []string
	}{
		"a function that fails once": {nil, failsOnce, []string{"abcde", "ab", "cde"}},
		"without bisection":          {func(f *feed) { f.event.Bisect = false }, failsOnce, []string{"abcde", "abcde"}},
		"an answer that is garbage": {nil,
			func(call int, _ []sent) (string, error) { return map[int]string{1: "{oops"}[call], nil },
			[]string{"abcde", "ab", "cde"}},
		"an answer nobody asked for": {func(f *feed) { f.event.ReportItemFailures = false },
			func(int, []sent) (string, error) { return "{oops", nil },
			[]string{"abcde"}},
		"bisection isolates a poison record": {func(f *feed) { f.event.MaxRetries = 1 },
			func(_ int, batch []sent) (string, error) {
				if slices.ContainsFunc(batch, func(r sent) bool { return r.key == "c" }) {
					return "", failing
				}
				return "", nil
			},
			[]string{"abcde", "ab", "cde", "c", "c", "de"}},
		"from the first that is reported": {nil,
			func(call int, batch []sent) (string, error) { return report(batch, map[int]string{1: "dc"}[call]), nil },
			[]string{"abcde", "cde"}},
		"reported again and again, then dropped with what is behind": {func(f *feed) { f.event.MaxRetries = 2 },
			func(_ int, batch []sent) (string, error) { return report(batch, "c"), nil },
			[]string{"abcde", "cde", "cde"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			f := newFeed(t, enginetest.Dynoxide(t))
			if test.spoil != nil {
				test.spoil(f)
			}
			var call atomic.Int32
			f.answer = func(batch []sent) (string, error) { return test.answer(int(call.Add(1)), batch) }
			f.put("abcde")
			f.start()
			f.expect(test.want...)
		})
	}
}

func TestARecordTooOldIsDropped(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	var ahead atomic.Int64
	f.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	f.event.MaxAge, f.event.BatchSize = time.Hour, 1
	f.answer = func([]sent) (string, error) { return "", errors.New("on demand") }
	f.put("a")
	f.start()
	eventually(t, "three tries", func() bool { return len(f.got()) >= 3 })
	ahead.Store(int64(2 * time.Hour))
	eventually(t, "a line in the log", func() bool { return f.logged("dropped 1 records") && f.logged("older than 1h0m0s") })
	tries := len(f.got())
	ahead.Store(0)
	f.setAnswer(nil)
	f.put("b")
	eventually(t, "the next record", func() bool { return len(f.got()) > tries })
	if got := f.got()[tries:]; !slices.Equal(got, []string{"b"}) {
		t.Errorf("after the drop came %q, want b", got)
	}
}

func TestNothingIsLostOrRepeatedByARestart(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	f.folder = t.TempDir()
	first := f.start()
	f.put("ab")
	eventually(t, "both", func() bool { return strings.Join(f.got(), "") == "ab" })
	eventually(t, "a checkpoint", func() bool { return f.checkpoint() >= f.lastDelivered() })
	first.Close()
	f.put("cd")
	second := f.start()
	eventually(t, "what came in between, alone", func() bool { return strings.Join(f.got(), "") == "abcd" })
	second.Close()
	write(t, filepath.Join(f.folder, "Mailer-Outbox.json"), `{"stream":"another","shards":{}}`)
	f.start()
	eventually(t, "all of it, after the checkpoints of another stream", func() bool { return strings.Join(f.got(), "") == "abcdabcd" })
}

func TestABatchCutShortComesAgain(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	f.folder = t.TempDir()
	ended := make(chan struct{})
	f.answer = func([]sent) (string, error) { <-ended; return "", nil } // and the answer comes too late
	f.put("ab")
	m := f.start()
	f.expect("ab")
	go func() { time.Sleep(50 * time.Millisecond); close(ended) }()
	m.Close()
	f.setAnswer(nil)
	f.start()
	f.expect("ab", "ab")
}

func TestLatestLeavesOutWhatIsOld(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, on enginetest.Tables) {
		f := newFeed(t, on)
		f.event.FromLatest = true
		f.put("ab")
		f.start()
		// Nothing tells when the stream is open; what is written before that is old.
		eventually(t, "a new record", func() bool {
			f.put("c", "at", time.Now().String())
			time.Sleep(2 * pollInterval)
			return len(f.got()) > 0
		})
		if got := strings.Join(f.got(), ""); strings.Trim(got, "c") != "" {
			t.Errorf("got %q, want only c", got)
		}
	})
}

func TestAnIncompleteBatchWaitsForTheWindow(t *testing.T) {
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
		spoil func(*feed)
		want  string
	}{
		"a filter not understood": {func(f *feed) { f.event.Filters = []string{`{"a":[{"suffix":"x"}]}`} }, "the operator suffix is not understood"},
		"no such table":           {func(f *feed) { f.table = "Other" }, "finding the stream of table Other: "},
		"a table without stream":  {func(f *feed) { f.table = strings.Replace(f.table, "Sessions", "Users", 1) }, "Users: it has none"},
		"a table not declared":    {func(f *feed) { f.event.Table = "Other" }, "the template has no table Other"},
		"a broken checkpoint":     {func(f *feed) { write(t, filepath.Join(f.folder, "Mailer-Outbox.json"), "{") }, "without the file the stream is delivered"},
		"checkpoint not readable": {func(f *feed) { _ = os.Mkdir(filepath.Join(f.folder, "Mailer-Outbox.json"), 0o700) }, "reading the checkpoints: "},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, enginetest.Dynoxide(t))
			f.folder = t.TempDir()
			test.spoil(f)
			m, err := Start(t.Context(), f.options())
			if err == nil {
				m.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "event Outbox of Mailer: ") {
				t.Errorf("error %q, want %q", err, test.want)
			}
		})
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	f := newFeed(t, enginetest.Dynoxide(t))
	f.put("a") // opens the one connection that stays, the test's own
	before := runtime.NumGoroutine()
	for i := range 5 {
		m := f.start()
		eventually(t, "a batch", func() bool { return len(f.got()) > i })
		m.Close()
	}
	eventually(t, "as few goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}
