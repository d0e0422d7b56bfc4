package dynamo_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"latchkey/pkg/session"
)

func TestCookieSessionRoundTrip(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, first := create(t, f, "alice", "alice@example.com")
		second := newCookieSession(user)
		if err := f.PutSession(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		want := principals(session.Principal{User: user, Session: second})
		if got, err := f.ReadSessions(t.Context(), []session.Ref{second.Ref()}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, error %v, want %+v", got, err, want)
		}
		listed, err := f.ListSessions(t.Context(), user.ID)
		if err != nil || len(listed) != 2 {
			t.Fatalf("got sessions %+v, error %v, want 2", listed, err)
		}
		byRef := map[session.Ref]session.Session{listed[0].Ref(): listed[0], listed[1].Ref(): listed[1]}
		if want := map[session.Ref]session.Session{first.Ref(): first, second.Ref(): second}; !reflect.DeepEqual(byRef, want) {
			t.Errorf("got sessions %+v, want %+v", byRef, want)
		}
	})
}

// TestRenewSession has a case for each part of the condition. Without that part, the case would be renewed.
func TestRenewSession(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		sess := newCookieSession(user)
		late := newCookieSession(user)
		late.Expires = late.End.Add(time.Hour)
		for _, stored := range []session.Session{sess, late} {
			if err := f.PutSession(t.Context(), stored); err != nil {
				t.Fatal(err)
			}
		}
		atEnd := renewal(late)
		atEnd.At = late.End
		refused := map[string]session.Renewal{"at its absolute end, before its expiry": atEnd}
		for name, change := range map[string]func(*session.Renewal){
			"renewed since it was read": func(r *session.Renewal) { r.LastRenewal = r.LastRenewal.Add(-time.Millisecond) },
			"of another epoch":          func(r *session.Renewal) { r.Epoch++ },
			"at its expiry":             func(r *session.Renewal) { r.At = sess.Expires },
			"of another user":           func(r *session.Renewal) { r.Session.User[0] ^= 1 },
			"that does not exist":       func(r *session.Renewal) { r.Session.Session[0] ^= 1 },
		} {
			changed := renewal(sess)
			change(&changed)
			refused[name] = changed
		}
		for name, renewal := range refused {
			err := f.RenewSession(t.Context(), renewal)
			if _, stale := errors.AsType[*session.StaleError](err); !stale {
				t.Errorf("a session %s: got error %v, want a StaleError", name, err)
			}
		}
		if err := f.RenewSession(t.Context(), renewal(sess)); err != nil {
			t.Fatal(err)
		}
		renewed := sess
		renewed.LastRenewal, renewed.Expires = renewal(sess).At, renewal(sess).Expires
		want := principals(session.Principal{User: user, Session: renewed})
		if got, err := f.ReadSessions(t.Context(), []session.Ref{sess.Ref()}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, error %v, want %+v", got, err, want)
		}
	})
}

func TestSetSessionsLeft(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		for _, step := range []struct{ seen, left, want int }{{48, 7, 49}, {49, 7, 7}, {49, 9, 7}} {
			if err := f.SetSessionsLeft(t.Context(), user.ID, step.seen, step.left); err != nil {
				t.Fatal(err)
			}
			if got, err := f.ReadUser(t.Context(), user.ID); err != nil || got.SessionsLeft != step.want {
				t.Errorf("set to %d where %d was seen: got %d, error %v, want %d", step.left, step.seen, got.SessionsLeft, err, step.want)
			}
		}
		absent := user.ID
		absent[0] ^= 1
		if err := f.SetSessionsLeft(t.Context(), absent, 0, 7); err != nil {
			t.Errorf("of an absent account: got error %v, want none", err)
		}
		wantItems(t, f, 5)
	})
}
