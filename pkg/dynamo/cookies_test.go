package dynamo_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"latchkey/pkg/auth"
)

func TestACookieSessionIsReadAsItWasWritten(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, first := create(t, f, "alice", "alice@example.com")
		want := newCookieSession(user)
		if err := f.PutSession(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := f.ReadSessions(t.Context(), []auth.SessionRef{want.Ref()})
		if err != nil || !reflect.DeepEqual(got, callers(auth.Caller{User: user, Session: want})) {
			t.Errorf("the sessions are %+v, error %v", got, err)
		}
		listed, err := f.ListSessions(t.Context(), user.ID)
		if err != nil || len(listed) != 2 {
			t.Fatalf("listed are %+v, error %v", listed, err)
		}
		byRef := map[auth.SessionRef]auth.Session{listed[0].Ref(): listed[0], listed[1].Ref(): listed[1]}
		if !reflect.DeepEqual(byRef, map[auth.SessionRef]auth.Session{first.Ref(): first, want.Ref(): want}) {
			t.Errorf("listed are %+v", listed)
		}
	})
}

// TestASessionIsRenewedOnlyAsItWasSeen holds each part of the condition: without it, its case would be renewed.
func TestASessionIsRenewedOnlyAsItWasSeen(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		session := newCookieSession(user)
		late := newCookieSession(user)
		late.Expires = late.End.Add(time.Hour)
		for _, each := range []auth.Session{session, late} {
			if err := f.PutSession(t.Context(), each); err != nil {
				t.Fatal(err)
			}
		}
		pastEnd := renewal(late)
		pastEnd.At = late.End
		refused := map[string]auth.Renewal{"at its absolute end, before its expiry": pastEnd}
		for name, change := range map[string]func(*auth.Renewal){
			"renewed since":  func(r *auth.Renewal) { r.Rotated = r.Rotated.Add(-time.Millisecond) },
			"another epoch":  func(r *auth.Renewal) { r.Epoch++ },
			"at its expiry":  func(r *auth.Renewal) { r.At = session.Expires },
			"another one's":  func(r *auth.Renewal) { r.Session.User[0] ^= 1 },
			"one that ended": func(r *auth.Renewal) { r.Session.Session[0] ^= 1 },
		} {
			asked := renewal(session)
			change(&asked)
			refused[name] = asked
		}
		for name, asked := range refused {
			if _, stale := errors.AsType[*auth.StaleSessionError](f.RenewSession(t.Context(), asked)); !stale {
				t.Errorf("%s: it was renewed", name)
			}
		}
		if err := f.RenewSession(t.Context(), renewal(session)); err != nil {
			t.Fatal(err)
		}
		want := session
		want.Rotated, want.Expires = renewal(session).At, renewal(session).Expires
		got, err := f.ReadSessions(t.Context(), []auth.SessionRef{session.Ref()})
		if err != nil || !reflect.DeepEqual(got, callers(auth.Caller{User: user, Session: want})) {
			t.Errorf("the session is %+v, error %v", got, err)
		}
	})
}

func TestRoomIsRefilledOnlyAsItWasSeen(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		for _, step := range []struct{ seen, room, want int }{{48, 7, 49}, {49, 7, 7}, {49, 9, 7}} {
			if err := f.RefillRoom(t.Context(), user.ID, step.seen, step.room); err != nil {
				t.Fatal(err)
			}
			if got, err := f.ReadUser(t.Context(), user.ID); err != nil || got.Room != step.want {
				t.Errorf("after %+v the room is %d, error %v", step, got.Room, err)
			}
		}
		gone := user.ID
		gone[0] ^= 1
		if err := f.RefillRoom(t.Context(), gone, 0, 7); err != nil {
			t.Errorf("refilling an absent account: %v", err)
		}
		if keys := f.tables.Keys(t); len(keys) != 5 {
			t.Errorf("the tables hold %v", keys)
		}
	})
}
