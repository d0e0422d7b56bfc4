package dynamo_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"latchkey/pkg/session"
)

func TestACookieSessionIsReadAsItWasWritten(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, first := create(t, f, "alice", "alice@example.com")
		want := newCookieSession(user)
		if err := f.PutSession(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := f.ReadSessions(t.Context(), []session.Ref{want.Ref()})
		if err != nil || !reflect.DeepEqual(got, callers(session.Principal{User: user, Session: want})) {
			t.Errorf("the sessions are %+v, error %v", got, err)
		}
		listed, err := f.ListSessions(t.Context(), user.ID)
		if err != nil || len(listed) != 2 {
			t.Fatalf("listed are %+v, error %v", listed, err)
		}
		byRef := map[session.Ref]session.Session{listed[0].Ref(): listed[0], listed[1].Ref(): listed[1]}
		if !reflect.DeepEqual(byRef, map[session.Ref]session.Session{first.Ref(): first, want.Ref(): want}) {
			t.Errorf("listed are %+v", listed)
		}
	})
}

// TestASessionIsRenewedOnlyAsItWasSeen holds each part of the condition: without it, its case would be renewed.
func TestASessionIsRenewedOnlyAsItWasSeen(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		sess := newCookieSession(user)
		late := newCookieSession(user)
		late.Expires = late.End.Add(time.Hour)
		for _, each := range []session.Session{sess, late} {
			if err := f.PutSession(t.Context(), each); err != nil {
				t.Fatal(err)
			}
		}
		pastEnd := renewal(late)
		pastEnd.At = late.End
		refused := map[string]session.Renewal{"at its absolute end, before its expiry": pastEnd}
		for name, change := range map[string]func(*session.Renewal){
			"renewed since":  func(r *session.Renewal) { r.LastRenewal = r.LastRenewal.Add(-time.Millisecond) },
			"another epoch":  func(r *session.Renewal) { r.Epoch++ },
			"at its expiry":  func(r *session.Renewal) { r.At = sess.Expires },
			"another one's":  func(r *session.Renewal) { r.Session.User[0] ^= 1 },
			"one that ended": func(r *session.Renewal) { r.Session.Session[0] ^= 1 },
		} {
			asked := renewal(sess)
			change(&asked)
			refused[name] = asked
		}
		for name, asked := range refused {
			if _, stale := errors.AsType[*session.StaleError](f.RenewSession(t.Context(), asked)); !stale {
				t.Errorf("%s: it was renewed", name)
			}
		}
		if err := f.RenewSession(t.Context(), renewal(sess)); err != nil {
			t.Fatal(err)
		}
		want := sess
		want.LastRenewal, want.Expires = renewal(sess).At, renewal(sess).Expires
		got, err := f.ReadSessions(t.Context(), []session.Ref{sess.Ref()})
		if err != nil || !reflect.DeepEqual(got, callers(session.Principal{User: user, Session: want})) {
			t.Errorf("the session is %+v, error %v", got, err)
		}
	})
}

func TestRoomIsRefilledOnlyAsItWasSeen(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		for _, step := range []struct{ seen, room, want int }{{48, 7, 49}, {49, 7, 7}, {49, 9, 7}} {
			if err := f.SetSessionsLeft(t.Context(), user.ID, step.seen, step.room); err != nil {
				t.Fatal(err)
			}
			if got, err := f.ReadUser(t.Context(), user.ID); err != nil || got.SessionsLeft != step.want {
				t.Errorf("after %+v the room is %d, error %v", step, got.SessionsLeft, err)
			}
		}
		gone := user.ID
		gone[0] ^= 1
		if err := f.SetSessionsLeft(t.Context(), gone, 0, 7); err != nil {
			t.Errorf("refilling an absent account: %v", err)
		}
		if keys := f.tables.Keys(t); len(keys) != 5 {
			t.Errorf("the tables hold %v", keys)
		}
	})
}
