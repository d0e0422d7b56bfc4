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

// house is a real store with a clock that the test moves.
type house struct {
	store *dynamo.Store
	tap   *wiretap.Tap
	clock atomic.Int64
}

func newHouse(t *testing.T) *house {
	t.Helper()
	tables := enginetest.Dynoxide(t)
	transport := dynamo.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	h := &house{tap: wiretap.New(transport)}
	h.clock.Store(time.Date(2126, 3, 4, 5, 6, 7, 890_000_000, time.UTC).UnixMilli())
	h.store = dynamo.New(dynamo.Options{
		UsersTable: tables.Users, SessionsTable: tables.Sessions, Region: "eu-central-1", Endpoint: tables.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), Transport: h.tap, Random: rand.Reader,
	})
	return h
}

func (h *house) now() time.Time { return time.UnixMilli(h.clock.Load()).UTC() }

func (h *house) pass(d time.Duration) { h.clock.Add(d.Milliseconds()) }

// container is a limiter that has just started.
func (h *house) container() *limit.Limiter { return limit.New(h.store, h.now) }

func of(holder string, permits int) limit.Bucket {
	return limit.Bucket{Scope: "critical#/login#source", Holder: holder, Limit: permits}
}

func take(t *testing.T, l *limit.Limiter, bucket limit.Bucket) limit.Standing {
	t.Helper()
	got, err := l.TakeOne(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func takeFromBlock(t *testing.T, l *limit.Limiter, bucket limit.Bucket) limit.Standing {
	t.Helper()
	got, err := l.TakeFromBlock(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestALimitHolds(t *testing.T) {
	h := newHouse(t)
	l := h.container()
	for left := 4; left >= 0; left-- {
		if got := take(t, l, of("a", 5)); !got.Granted || got.Limit != 5 || got.Remaining != left {
			t.Errorf("with %d left: %+v", left, got)
		}
		h.pass(time.Second)
	}
	if got := take(t, l, of("a", 5)); got.Granted || got.Remaining != 0 || got.Reset != 54*time.Second+110*time.Millisecond {
		t.Errorf("the sixth: %+v", got)
	}
	if got := take(t, l, of("b", 5)); !got.Granted {
		t.Errorf("somebody else: %+v", got)
	}
	h.pass(54*time.Second + 110*time.Millisecond)
	if got := take(t, l, of("a", 5)); !got.Granted || got.Remaining != 4 {
		t.Errorf("a minute after the first: %+v", got)
	}
}

// TestManyContainersHoldOneLimit, exactly, whether a window is new or takes the place of one that has ended.
func TestManyContainersHoldOneLimit(t *testing.T) {
	h := newHouse(t)
	for _, window := range []string{"the first", "the second"} {
		var granted atomic.Int32
		var all sync.WaitGroup
		for range 10 {
			fresh := h.container()
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
			t.Errorf("%s window: %d of 40 passed", window, granted.Load())
		}
		h.pass(time.Minute)
	}
}

// TestBlocks: single permits at first, then a write for ten of them, and never more than the limit.
func TestBlocks(t *testing.T) {
	h := newHouse(t)
	l := h.container()
	writes := func() int { return len(h.tap.LimitCalls()) }
	for n := 1; n <= 60; n++ {
		got := takeFromBlock(t, l, of("a", 60))
		if !got.Granted || got.Remaining != 60-n {
			t.Fatalf("request %d: %+v", n, got)
		}
		want := n
		if n > 10 {
			want = 10 + (n-11)/10 + 1
		}
		if writes() != want {
			t.Fatalf("after request %d there were %d writes, want %d", n, writes(), want)
		}
	}
	if got := takeFromBlock(t, l, of("a", 60)); got.Granted || writes() != 15 {
		t.Errorf("the 61st: %+v, after %d writes", got, writes())
	}
}

// TestTheLastPermitsAreFewerThanABlock: they are all given.
func TestTheLastPermitsAreFewerThanABlock(t *testing.T) {
	h := newHouse(t)
	l := h.container()
	granted := 0
	for range 40 {
		if takeFromBlock(t, l, of("a", 27)).Granted {
			granted++
		}
	}
	if granted != 27 {
		t.Errorf("%d of 27 permits were given", granted)
	}
}

// TestAContainerThatSeesABucketRarelyHoardsNothing.
func TestAContainerThatSeesABucketRarelyHoardsNothing(t *testing.T) {
	h := newHouse(t)
	granted := 0
	for range 8 {
		fresh := h.container()
		for range 10 {
			if takeFromBlock(t, fresh, of("a", 60)).Granted {
				granted++
			}
		}
	}
	if granted != 60 {
		t.Errorf("%d of 60 permits were given", granted)
	}
}

// TestAFloodCostsOneWritePerContainer once the bucket is spent, and none of another's.
func TestAFloodCostsOneWritePerContainer(t *testing.T) {
	h := newHouse(t)
	first, second := h.container(), h.container()
	for range 5 {
		take(t, first, of("a", 5))
	}
	h.tap.Reset()
	for range 100 {
		if take(t, first, of("a", 5)).Granted || take(t, second, of("a", 5)).Granted {
			t.Fatal("a spent bucket gave a permit")
		}
	}
	if calls := h.tap.LimitCalls(); len(calls) != 1 {
		t.Errorf("200 refusals cost %d calls", len(calls))
	}
}

// TestForgettingCostsWritesAndNoLimit: a flood from everywhere empties the memory.
func TestForgettingCostsWritesAndNoLimit(t *testing.T) {
	h := newHouse(t)
	l := limit.NewForgetful(h.store, h.now, 3)
	for range 5 {
		take(t, l, of("a", 5))
	}
	for _, other := range []string{"b", "c", "d", "e"} {
		take(t, l, of(other, 5))
	}
	if got := take(t, l, of("a", 5)); got.Granted {
		t.Errorf("a spent bucket that was forgotten: %+v", got)
	}
}

// TestALostAnswerCountsTwice: fewer pass than could, never more.
func TestALostAnswerCountsTwice(t *testing.T) {
	h := newHouse(t)
	h.tap.Inject(wiretap.OfLimits+"UpdateItem", 1, 1, wiretap.LoseAnswer)
	l := h.container()
	take(t, l, of("a", 5))
	if got := take(t, l, of("a", 5)); !got.Granted || got.Remaining != 2 {
		t.Errorf("with the answer lost: %+v", got)
	}
}

func TestAStoreThatFailsIsNoRefusal(t *testing.T) {
	h := newHouse(t)
	h.tap.Inject(wiretap.OfLimits+"UpdateItem", 0, 1000, wiretap.Refuse)
	if _, err := h.container().TakeOne(t.Context(), of("a", 5)); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("the error is %v", err)
	}
}

func TestStandingsThatAreCloser(t *testing.T) {
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
			t.Errorf("%s: %+v", name, got)
		}
	}
}
