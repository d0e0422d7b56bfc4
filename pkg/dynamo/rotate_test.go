package dynamo_test

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/session"
)

func TestRotateSession(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, sess := create(t, f, "alice", "alice@example.com")
		moving := move(sess)
		want := sess
		want.Generation, want.LastRenewal, want.KeyID, want.Expires = 1, moving.At, "k2", moving.Expires
		got, err := f.RotateSession(t.Context(), moving)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("the session moved to %+v, error %v", got, err)
		}
		stored, err := f.ReadSessions(t.Context(), []session.Ref{sess.Ref()})
		if err != nil || !reflect.DeepEqual(stored, callers(session.Principal{User: user, Session: want})) {
			t.Errorf("stored is %+v, error %v", stored, err)
		}
	})
}

// TestASessionMovesOnlyFromWhereItIsExpected holds each part of the condition: without it, its case would move.
func TestASessionMovesOnlyFromWhereItIsExpected(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		_, sess := create(t, f, "alice", "alice@example.com")
		for name, change := range map[string]func(*session.Rotation){
			"an earlier generation":    func(m *session.Rotation) { m.From-- },
			"a later generation":       func(m *session.Rotation) { m.From++ },
			"another epoch":            func(m *session.Rotation) { m.Epoch++ },
			"at the session's expiry":  func(m *session.Rotation) { m.At = sess.Expires },
			"at its absolute end":      func(m *session.Rotation) { m.At = sess.End },
			"after its absolute end":   func(m *session.Rotation) { m.At = sess.End.Add(time.Hour) },
			"just before that, expiry": func(m *session.Rotation) { m.At = sess.End.Add(-time.Millisecond) },
		} {
			moving := move(sess)
			change(&moving)
			_, err := f.RotateSession(t.Context(), moving)
			stale, ok := errors.AsType[*session.StaleError](err)
			if !ok || !reflect.DeepEqual(stale.Current, sess) {
				t.Errorf("%s: the error is %v with %+v", name, err, stale)
			}
		}
		late := newSession(account.User{ID: sess.User})
		late.Expires, late.End = sess.End.Add(time.Hour), sess.End
		if err := f.PutSession(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		moving := move(late)
		moving.At = late.End
		if _, err := f.RotateSession(t.Context(), moving); err == nil {
			t.Error("a session moved beyond its absolute end, which lies before its expiry")
		}
	})
}

func TestAMoveBringsNoSessionBack(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, sess := create(t, f, "alice", "alice@example.com")
		if err := f.EndSession(t.Context(), sess.Ref()); err != nil {
			t.Fatal(err)
		}
		_, err := f.RotateSession(t.Context(), move(sess))
		stale, ok := errors.AsType[*session.StaleError](err)
		if !ok || !stale.Current.ID.IsZero() {
			t.Errorf("the error is %v", err)
		}
		other := newSession(user)
		if _, err := f.RotateSession(t.Context(), move(other)); err == nil {
			t.Error("a session that never was has moved")
		}
		if keys := f.tables.Keys(t); len(keys) != 4 {
			t.Errorf("the tables hold %v", keys)
		}
	})
}

func TestOfManyMovesAtOnceOneWins(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		_, sess := create(t, f, "alice", "alice@example.com")
		var moved, stale atomic.Int32
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				_, err := f.RotateSession(t.Context(), move(sess))
				found, isStale := errors.AsType[*session.StaleError](err)
				switch {
				case err == nil:
					moved.Add(1)
				case isStale && found.Current.Generation == 1:
					stale.Add(1)
				default:
					t.Errorf("moving: %v", err)
				}
			})
		}
		all.Wait()
		if moved.Load() != 1 || stale.Load() != 31 {
			t.Errorf("%d moved and %d were stale", moved.Load(), stale.Load())
		}
	})
}
