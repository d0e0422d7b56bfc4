package limit_test

import (
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/infra/testkit/enginetest"
	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/fault"
	"latchkey/pkg/limit"
)

// fixture is a real store with a clock that the test advances.
type fixture struct {
	store *dynamo.Store
	tap   *wiretap.Tap
	clock atomic.Int64
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	tables := enginetest.Dynoxide(t)
	transport := dynamo.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	f := &fixture{tap: wiretap.New(transport)}
	f.clock.Store(time.Date(2126, 3, 4, 5, 6, 7, 890_000_000, time.UTC).UnixMilli())
	f.store = dynamo.New(dynamo.Options{
		UsersTable: tables.Users, SessionsTable: tables.Sessions, Region: "eu-central-1", Endpoint: tables.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), Transport: f.tap, Random: rand.Reader,
	})
	return f
}

func (f *fixture) now() time.Time { return time.UnixMilli(f.clock.Load()).UTC() }

func (f *fixture) advance(d time.Duration) { f.clock.Add(d.Milliseconds()) }

// container returns a limiter as in a container that has just started.
func (f *fixture) container() *limit.Limiter { return limit.New(f.store, f.now) }

func of(holder string, permits int) limit.Bucket {
	return limit.Quota{Scope: "critical#/register#source", Limit: permits}.Of(holder)
}

func take(t *testing.T, l *limit.Limiter, bucket limit.Bucket) limit.Standing {
	t.Helper()
	got, err := l.TakeOne(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func takeLocally(t *testing.T, l *limit.Limiter, bucket limit.Bucket) limit.Standing {
	t.Helper()
	got, err := l.Take(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestALimitHolds(t *testing.T) {
	f := newFixture(t) // at 5:06:07.89
	l := f.container()
	for left := 4; left >= 0; left-- {
		if got := take(t, l, of("a", 5)); !got.Granted || got.Limit != 5 || got.Remaining != left {
			t.Errorf("got %+v, want a grant with %d of 5 remaining", got, left)
		}
		f.advance(time.Second)
	}
	if got := take(t, l, of("a", 5)); got.Granted || got.Remaining != 0 || got.Reset != 47*time.Second+110*time.Millisecond {
		t.Errorf("the sixth attempt: got %+v, want a refusal with 47.11 s until the reset", got)
	}
	if got := take(t, l, of("b", 5)); !got.Granted {
		t.Errorf("another holder: got %+v, want a grant", got)
	}
	f.advance(47*time.Second + 110*time.Millisecond)
	if got := take(t, l, of("a", 5)); !got.Granted || got.Remaining != 4 {
		t.Errorf("in the next minute: got %+v, want a grant with 4 remaining", got)
	}
}

// TestManyContainersHoldOneLimit counts exactly in two minutes.
func TestManyContainersHoldOneLimit(t *testing.T) {
	f := newFixture(t)
	for _, window := range []string{"the first", "the second"} {
		var granted atomic.Int32
		var all sync.WaitGroup
		for range 10 {
			fresh := f.container()
			for range 4 {
				all.Go(func() {
					got, err := fresh.TakeOne(t.Context(), of("a", 5))
					if err != nil {
						t.Error(err)
					}
					if got.Granted {
						granted.Add(1)
					}
				})
			}
		}
		all.Wait()
		if granted.Load() != 5 {
			t.Errorf("%s window: got %d grants for 40 attempts, want 5", window, granted.Load())
		}
		f.advance(time.Minute)
	}
}

// TestLocalCounts shows that a container makes no call for the first sixth of the limit, then one call for a twelfth of it, and
// holds the limit exactly if it is the only one.
func TestLocalCounts(t *testing.T) {
	f := newFixture(t)
	l := f.container()
	for n := 1; n <= 60; n++ {
		got := takeLocally(t, l, of("a", 60))
		if !got.Granted || got.Remaining != 60-n {
			t.Fatalf("attempt %d: got %+v, want a grant with %d remaining", n, got, 60-n)
		}
		want := 0
		if n > 10 {
			want = (n-11)/5 + 1
		}
		if writes := len(f.tap.LimitCalls()); writes != want {
			t.Fatalf("after attempt %d: got %d writes, want %d", n, writes, want)
		}
	}
	for range 20 {
		if got := takeLocally(t, l, of("a", 60)); got.Granted || got.Remaining != 0 {
			t.Errorf("an attempt over the limit: got %+v, want a refusal", got)
		}
	}
	for _, call := range f.tap.LimitCalls() {
		if call.Refused || call.Write != 1 {
			t.Errorf("got the call %+v, want one that is not refused and has one unit", call)
		}
	}
	if writes := len(f.tap.LimitCalls()); writes != 10 {
		t.Errorf("after all attempts: got %d writes, want 10", writes)
	}
}

// TestEveryLimitIsExactInOneContainer includes limits that no block divides.
func TestEveryLimitIsExactInOneContainer(t *testing.T) {
	f := newFixture(t)
	for _, permits := range []int{1, 2, 5, 6, 7, 11, 12, 13, 27, 60, 180, 901} {
		l, granted := f.container(), 0
		for range 2*permits + 5 {
			if takeLocally(t, l, of("a", permits)).Granted {
				granted++
			}
		}
		if granted != permits {
			t.Errorf("a limit of %d: got %d grants for %d attempts", permits, granted, 2*permits+5)
		}
		f.advance(time.Minute)
	}
}

// TestTheOvershootIsBounded sends many attempts to ten containers, in turns and one container after the other.
func TestTheOvershootIsBounded(t *testing.T) {
	const containers, most = 10, 60 + 10*10
	for name, next := range map[string]func(n int) int{
		"in turns":              func(n int) int { return n % containers },
		"one after the other":   func(n int) int { return n / 100 },
		"one and then in turns": func(n int) int { return max(0, n-100) % containers },
	} {
		f := newFixture(t)
		var all []*limit.Limiter
		for range containers {
			all = append(all, f.container())
		}
		granted := 0
		for n := range 100 * containers {
			if takeLocally(t, all[next(n)], of("a", 60)).Granted {
				granted++
			}
		}
		if granted < 60 || granted > most {
			t.Errorf("%s: got %d grants for 1000 attempts at a limit of 60, want 60 to %d", name, granted, most)
		}
	}
}

// TestConcurrentLocalCounts sends attempts to ten containers at once.
func TestConcurrentLocalCounts(t *testing.T) {
	f := newFixture(t)
	var granted atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		fresh := f.container()
		for range 4 {
			all.Go(func() {
				for range 20 {
					got, err := fresh.Take(t.Context(), of("a", 60))
					if err != nil {
						t.Error(err)
					}
					if got.Granted {
						granted.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	if got := granted.Load(); got < 60 || got > 160 {
		t.Errorf("got %d grants for 800 attempts at a limit of 60, want 60 to 160", got)
	}
}

// TestAFloodCostsOneWritePerContainer shows that a container remembers a spent bucket, whichever container spent it.
func TestAFloodCostsOneWritePerContainer(t *testing.T) {
	f := newFixture(t)
	first, second := f.container(), f.container()
	for range 5 {
		take(t, first, of("a", 5))
	}
	f.tap.Reset()
	for range 100 {
		if take(t, first, of("a", 5)).Granted || take(t, second, of("a", 5)).Granted {
			t.Fatal("got a grant from a spent bucket, want a refusal")
		}
	}
	if calls := f.tap.LimitCalls(); len(calls) != 1 {
		t.Errorf("200 refusals: got %d calls to the store, want 1", len(calls))
	}
}

// TestForgettingNeverExceedsALimit empties the memory with requests of other holders.
func TestForgettingNeverExceedsALimit(t *testing.T) {
	f := newFixture(t)
	l := limit.NewForgetful(f.store, f.now, 3)
	for range 5 {
		take(t, l, of("a", 5))
	}
	for _, other := range []string{"b", "c", "d", "e"} {
		take(t, l, of(other, 5))
	}
	if got := take(t, l, of("a", 5)); got.Granted {
		t.Errorf("a spent bucket after it was forgotten: got %+v, want a refusal", got)
	}
}

// TestALostResponseCountsTwice shows that a lost response makes fewer attempts pass than the limit allows, never more.
func TestALostResponseCountsTwice(t *testing.T) {
	f := newFixture(t)
	f.tap.Inject(wiretap.OfLimits+"UpdateItem", 1, 1, wiretap.LoseAnswer)
	l := f.container()
	take(t, l, of("a", 5))
	if got := take(t, l, of("a", 5)); !got.Granted || got.Remaining != 2 {
		t.Errorf("after a lost response: got %+v, want a grant with 2 remaining", got)
	}
}

func TestAFailureOfTheStoreIsNoRefusal(t *testing.T) {
	f := newFixture(t)
	f.tap.Inject(wiretap.OfLimits+"UpdateItem", 0, 1000, wiretap.Refuse)
	l := f.container()
	if _, err := l.TakeOne(t.Context(), of("a", 5)); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("TakeOne: got the error %v, want %v", err, fault.ServiceUnavailable)
	}
	for range 10 {
		takeLocally(t, l, of("a", 60))
	}
	if _, err := l.Take(t.Context(), of("a", 60)); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("Take: got the error %v, want %v", err, fault.ServiceUnavailable)
	}
	f.tap.Reset()
	if got := takeLocally(t, l, of("a", 60)); !got.Granted || got.Remaining != 49 {
		t.Errorf("Take, after the failure: got %+v, want a grant with 49 remaining, because the first ten are counted", got)
	}
}

func TestCloser(t *testing.T) {
	granted := func(left int) limit.Standing { return limit.Standing{Granted: true, Remaining: left} }
	refused := limit.Standing{Remaining: 0, Reset: time.Second}
	tests := map[string]struct{ first, second, want limit.Standing }{
		"fewer left":             {granted(3), granted(2), granted(2)},
		"more left":              {granted(1), granted(2), granted(1)},
		"a refusal comes second": {granted(0), refused, refused},
		"a refusal comes first":  {refused, granted(0), refused},
	}
	for name, test := range tests {
		if got := test.first.Closer(test.second); got != test.want {
			t.Errorf("%s: %+v.Closer(%+v) = %+v, want %+v", name, test.first, test.second, got, test.want)
		}
	}
}
