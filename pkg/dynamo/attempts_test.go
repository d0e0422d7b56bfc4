package dynamo_test

import (
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
)

// countAttempt counts an attempt at the fixture's account.
func countAttempt(t *testing.T, f fixture) outbox.Mail {
	t.Helper()
	if _, err := f.CountAttempt(t.Context(), guard.Counter{Account: f.user.ID}, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return outbox.Mail{}
}

func TestAttempts(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user := newUser(t, "alice", "alice@example.com")
		counter := guard.Counter{Account: user.ID, Epoch: 3}
		last := 0
		wantNext := func(when string, want guard.Count) {
			t.Helper()
			got, err := f.CountAttempt(t.Context(), counter, now.Add(time.Hour))
			if err != nil || got.Attempts <= last {
				t.Fatalf("%s: got %+v, error %v, want more than %d attempts", when, got, err, last)
			}
			last, got.Attempts = got.Attempts, 0 // on a slow engine the SDK repeats the call, which counts twice
			if got != want {
				t.Errorf("%s: got %+v, want %+v", when, got, want)
			}
		}
		wantNoSlot := func(when string, taken int, at, opens time.Time) {
			t.Helper()
			err := f.TakeSlot(t.Context(), counter, taken, at, now)
			if refusal, refused := errors.AsType[*guard.NoSlotError](err); !refused || !refusal.OpensAt.Equal(opens) {
				t.Errorf("%s: got error %v with %+v, want a NoSlotError that opens at %v", when, err, refusal, opens)
			}
		}
		wantNext("the first attempt", guard.Count{})
		for range 2 {
			if err := f.ReportGuessing(t.Context(), counter, now.Add(time.Minute), newMail(user)); err != nil {
				t.Fatal(err)
			}
		}
		wantNext("once reported", guard.Count{OpensAt: now.Add(time.Minute), Reported: true})
		wantItems(t, f, 2)
		wantNoSlot("before a slot opens", 0, now.Add(time.Minute-time.Millisecond), now.Add(time.Minute))
		if err := f.TakeSlot(t.Context(), counter, 0, now.Add(time.Minute), now.Add(3*time.Minute)); err != nil {
			t.Errorf("of an open slot: got error %v, want none", err)
		}
		wantNoSlot("of a slot that was taken", 0, now.Add(time.Hour), now.Add(3*time.Minute))
		wantNext("with a slot taken", guard.Count{SlotsTaken: 1, OpensAt: now.Add(3 * time.Minute), Reported: true})
		if err := f.ClearAttempts(t.Context(), counter); err != nil {
			t.Fatal(err)
		}
		wantNoSlot("of a count that was cleared", 1, now.Add(time.Hour), time.Time{})
		if err := f.ReportGuessing(t.Context(), counter, now, newMail(user)); err != nil {
			t.Fatal(err)
		}
		wantItems(t, f, 1)
	})
}

// TestCounters ensures that each account, epoch and device has a count of its own.
func TestCounters(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		first := guard.Counter{Account: id.New(rand.Reader)}
		for _, counter := range []guard.Counter{
			first, {Account: id.New(rand.Reader)}, {Account: first.Account, Epoch: 1}, {Account: first.Account, Device: first.Account},
		} {
			if _, err := f.CountAttempt(t.Context(), counter, now.Add(time.Hour)); err != nil {
				t.Errorf("%+v: got error %v, want none", counter, err)
			}
		}
		wantItems(t, f, 4)
	})
}

// TestConcurrentSlots ensures that one of many concurrent callers takes a slot, and that one queues the notice.
func TestConcurrentSlots(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		f.user = newUser(t, "alice", "alice@example.com")
		countAttempt(t, f)
		counter := guard.Counter{Account: f.user.ID}
		var taken atomic.Int32
		var callers sync.WaitGroup
		for range 32 {
			notice := newMail(f.user)
			callers.Go(func() {
				err := f.TakeSlot(t.Context(), counter, 0, now, now.Add(time.Minute))
				if _, refused := errors.AsType[*guard.NoSlotError](err); err != nil && !refused {
					t.Errorf("got error %v, want none or a NoSlotError", err)
				}
				if err == nil {
					taken.Add(1)
				}
				if err := f.ReportGuessing(t.Context(), counter, now, notice); err != nil {
					t.Errorf("got error %v, want none", err)
				}
			})
		}
		callers.Wait()
		if taken.Load() != 1 {
			t.Errorf("got %d slots taken, want 1", taken.Load())
		}
		wantItems(t, f, 2)
	})
}
