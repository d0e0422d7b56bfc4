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

// counted counts a try at the fixture's account.
func counted(t *testing.T, f fixture) outbox.Mail {
	t.Helper()
	if _, err := f.CountAttempt(t.Context(), guard.Counter{Account: f.user.ID}, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return outbox.Mail{}
}

func TestTries(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user := newUser(t, "alice", "alice@example.com")
		count := guard.Counter{Account: user.ID, Epoch: 3}
		made := 0
		next := func() guard.Count { // without their number, which rises by two if the engine is so slow that the SDK repeats the call
			t.Helper()
			tries, err := f.CountAttempt(t.Context(), count, now.Add(time.Hour))
			if err != nil || tries.Attempts <= made {
				t.Fatalf("after %d tries: %+v, error %v", made, tries, err)
			}
			made, tries.Attempts = tries.Attempts, 0
			return tries
		}
		if got := next(); got != (guard.Count{}) {
			t.Errorf("the first try: %+v", got)
		}
		for range 2 {
			if err := f.ReportGuessing(t.Context(), count, now.Add(time.Minute), newMail(user)); err != nil {
				t.Fatal(err)
			}
		}
		if got := next(); got != (guard.Count{OpensAt: now.Add(time.Minute), Reported: true}) {
			t.Errorf("once tripped: %+v", got)
		}
		if keys := f.tables.Keys(t); len(keys) != 2 {
			t.Errorf("tripped twice, the tables hold %v", keys)
		}
		early := now.Add(time.Minute - time.Millisecond)
		if late, is := errors.AsType[*guard.NoSlotError](f.TakeSlot(t.Context(), count, 0, early, now)); !is || !late.OpensAt.Equal(now.Add(time.Minute)) {
			t.Errorf("a slot before it opens: %v", late)
		}
		if err := f.TakeSlot(t.Context(), count, 0, now.Add(time.Minute), now.Add(3*time.Minute)); err != nil {
			t.Errorf("a slot that is open: %v", err)
		}
		if late, is := errors.AsType[*guard.NoSlotError](f.TakeSlot(t.Context(), count, 0, now.Add(time.Hour), now)); !is {
			t.Errorf("a slot that was taken: %v", late)
		}
		if got := next(); got != (guard.Count{SlotsTaken: 1, OpensAt: now.Add(3 * time.Minute), Reported: true}) {
			t.Errorf("with a slot taken: %+v", got)
		}
		if err := f.ClearAttempts(t.Context(), count); err != nil {
			t.Fatal(err)
		}
		if late, is := errors.AsType[*guard.NoSlotError](f.TakeSlot(t.Context(), count, 1, now.Add(time.Hour), now)); !is || !late.OpensAt.IsZero() {
			t.Errorf("a slot of a count that is gone: %v", late)
		}
		if err := f.ReportGuessing(t.Context(), count, now, newMail(user)); err != nil {
			t.Fatal(err)
		}
		if keys := f.tables.Keys(t); len(keys) != 1 {
			t.Errorf("a count that is gone came back: %v", keys)
		}
	})
}

// TestCountsAreKeptApart by account, epoch and device.
func TestCountsAreKeptApart(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		first := guard.Counter{Account: id.New(rand.Reader)}
		for _, count := range []guard.Counter{
			first, {Account: id.New(rand.Reader)}, {Account: first.Account, Epoch: 1}, {Account: first.Account, Device: first.Account},
		} {
			if _, err := f.CountAttempt(t.Context(), count, now.Add(time.Hour)); err != nil {
				t.Errorf("%+v: %v", count, err)
			}
		}
		if keys := f.tables.Keys(t); len(keys) != 4 {
			t.Errorf("the tables hold %v", keys)
		}
	})
}

// TestOfManyWhoWantTheSlotOneGetsIt, and of many who trip the count one queues its notice.
func TestOfManyWhoWantTheSlotOneGetsIt(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		f.user = newUser(t, "alice", "alice@example.com")
		counted(t, f)
		count := guard.Counter{Account: f.user.ID}
		var got atomic.Int32
		var all sync.WaitGroup
		for range 32 {
			notice := newMail(f.user)
			all.Go(func() {
				err := f.TakeSlot(t.Context(), count, 0, now, now.Add(time.Minute))
				if _, late := errors.AsType[*guard.NoSlotError](err); err != nil && !late {
					t.Error(err)
				}
				if err == nil {
					got.Add(1)
				}
				if err := f.ReportGuessing(t.Context(), count, now, notice); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if keys := f.tables.Keys(t); got.Load() != 1 || len(keys) != 2 {
			t.Errorf("%d got the slot; the tables hold %v", got.Load(), keys)
		}
	})
}
