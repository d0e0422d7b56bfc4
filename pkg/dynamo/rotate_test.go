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
		want := sess
		want.Generation, want.LastRenewal, want.KeyID, want.Expires = 1, rotation(sess).At, "k2", rotation(sess).Expires
		if got, err := f.RotateSession(t.Context(), rotation(sess)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, error %v, want %+v", got, err, want)
		}
		wantStored := principals(session.Principal{User: user, Session: want})
		if got, err := f.ReadSessions(t.Context(), []session.Ref{sess.Ref()}); err != nil || !reflect.DeepEqual(got, wantStored) {
			t.Errorf("got %+v, error %v, want %+v", got, err, wantStored)
		}
	})
}

// TestRefusedRotations has a case for each part of the condition. Without that part, the case would be rotated.
func TestRefusedRotations(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		_, sess := create(t, f, "alice", "alice@example.com")
		for name, change := range map[string]func(*session.Rotation){
			"from an earlier generation":     func(r *session.Rotation) { r.From-- },
			"from a later generation":        func(r *session.Rotation) { r.From++ },
			"of another epoch":               func(r *session.Rotation) { r.Epoch++ },
			"at the expiry":                  func(r *session.Rotation) { r.At = sess.Expires },
			"at the absolute end":            func(r *session.Rotation) { r.At = sess.End },
			"after the absolute end":         func(r *session.Rotation) { r.At = sess.End.Add(time.Hour) },
			"after the expiry, near the end": func(r *session.Rotation) { r.At = sess.End.Add(-time.Millisecond) },
		} {
			changed := rotation(sess)
			change(&changed)
			_, err := f.RotateSession(t.Context(), changed)
			if stale, ok := errors.AsType[*session.StaleError](err); !ok || !reflect.DeepEqual(stale.Current, sess) {
				t.Errorf("%s: got error %v with %+v, want a StaleError with %+v", name, err, stale, sess)
			}
		}
		late := newSession(account.User{ID: sess.User})
		late.Expires, late.End = sess.End.Add(time.Hour), sess.End
		if err := f.PutSession(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		atEnd := rotation(late)
		atEnd.At = late.End
		_, err := f.RotateSession(t.Context(), atEnd)
		if _, ok := errors.AsType[*session.StaleError](err); !ok {
			t.Errorf("at the absolute end, before the expiry: got error %v, want a StaleError", err)
		}
	})
}

// TestRotationOfAnAbsentSession ensures that a rotation creates no session.
func TestRotationOfAnAbsentSession(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, ended := create(t, f, "alice", "alice@example.com")
		if err := f.EndSession(t.Context(), ended.Ref()); err != nil {
			t.Fatal(err)
		}
		for name, sess := range map[string]session.Session{"ended": ended, "never stored": newSession(user)} {
			_, err := f.RotateSession(t.Context(), rotation(sess))
			if stale, ok := errors.AsType[*session.StaleError](err); !ok || !stale.Current.ID.IsZero() {
				t.Errorf("%s: got error %v with %+v, want a StaleError without a session", name, err, stale)
			}
		}
		wantItems(t, f, 4)
	})
}

func TestConcurrentRotations(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		_, sess := create(t, f, "alice", "alice@example.com")
		var rotated, stale atomic.Int32
		var callers sync.WaitGroup
		for range 32 {
			callers.Go(func() {
				_, err := f.RotateSession(t.Context(), rotation(sess))
				refusal, refused := errors.AsType[*session.StaleError](err)
				switch {
				case err == nil:
					rotated.Add(1)
				case refused && refusal.Current.Generation == 1:
					stale.Add(1)
				default:
					t.Errorf("got error %v, want none or a StaleError of generation 1", err)
				}
			})
		}
		callers.Wait()
		if rotated.Load() != 1 || stale.Load() != 31 {
			t.Errorf("got %d rotated and %d stale, want 1 and 31", rotated.Load(), stale.Load())
		}
	})
}
