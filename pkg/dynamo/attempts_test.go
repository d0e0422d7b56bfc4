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
		wantNext := func(when string, want guard.Streak) {
			t.Helper()
			got, err := f.CountAttempt(t.Context(), counter, now.Add(time.Hour))
			if err != nil || got.Attempts <= last {
				t.Fatalf("%s: got %+v, error %v, want more than %d attempts", when, got, err, last)
			}
			last = got.Attempts // on a slow engine the SDK repeats the call, which counts twice
			if got.Streak != want {
				t.Errorf("%s: got %+v, want the streak %+v", when, got, want)
			}
		}
		wantNoSlot := func(when string, seen, next guard.Streak, at, opens time.Time) {
			t.Helper()
			err := f.TakeSlot(t.Context(), counter, seen, next, at)
			if refusal, refused := errors.AsType[*guard.NoSlotError](err); !refused || !refusal.OpensAt.Equal(opens) {
				t.Errorf("%s: got error %v with %+v, want a NoSlotError that opens at %v", when, err, refusal, opens)
			}
		}
		report := func(seen, next guard.Streak) {
			t.Helper()
			if err := f.ReportGuessing(t.Context(), counter, seen, next, newMail(user)); err != nil {
				t.Fatal(err)
			}
		}
		none := guard.Streak{}
		wantNext("the first attempt", none)
		reported := guard.Streak{OpensAt: now.Add(time.Minute), Reported: true}
		report(none, reported)
		report(none, reported)
		wantNext("once reported", reported)
		wantItems(t, f, 2)

		one := guard.Streak{SlotsTaken: 1, OpensAt: now.Add(3 * time.Minute), Reported: true}
		wantNoSlot("before a slot opens", reported, one, now.Add(time.Minute-time.Millisecond), now.Add(time.Minute))
		if err := f.TakeSlot(t.Context(), counter, reported, one, now.Add(time.Minute)); err != nil {
			t.Errorf("of an open slot: got error %v, want none", err)
		}
		wantNoSlot("of a slot that was taken", reported, one, now.Add(time.Hour), now.Add(3*time.Minute))
		wantNext("with a slot taken", one)

		later := guard.Streak{After: 7, SlotsTaken: 1, OpensAt: now.Add(2 * time.Minute)}
		if err := f.TakeSlot(t.Context(), counter, one, later, now); err != nil {
			t.Errorf("the first slot of another streak: got error %v, want none", err)
		}
		wantNext("in another streak", later)
		wantNoSlot("of the streak before", one, guard.Streak{After: 7, SlotsTaken: 1, OpensAt: now}, now.Add(time.Hour), later.OpensAt)
		report(one, reported) // of the streak before
		wantItems(t, f, 2)
		report(later, guard.Streak{After: 7, OpensAt: now, Reported: true})
		later.Reported = true
		wantNext("once the other streak is reported", later)
		wantItems(t, f, 3)

		last3 := guard.Streak{After: 9, OpensAt: now.Add(time.Hour), Reported: true}
		report(later, last3)
		report(later, last3)
		wantNext("in a streak that begins with a report", last3)
		wantItems(t, f, 4)

		counter.Epoch++
		wantNoSlot("of a count that does not exist", none, one, now, time.Time{})
		report(none, reported)
		wantItems(t, f, 4)
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
				err := f.TakeSlot(t.Context(), counter, guard.Streak{}, guard.Streak{SlotsTaken: 1, OpensAt: now.Add(time.Minute)}, now)
				if _, refused := errors.AsType[*guard.NoSlotError](err); err != nil && !refused {
					t.Errorf("got error %v, want none or a NoSlotError", err)
				}
				if err == nil {
					taken.Add(1)
				}
				if err := f.ReportGuessing(t.Context(), counter, guard.Streak{}, guard.Streak{OpensAt: now}, notice); err != nil {
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
