package dynamo_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/guard"
	"latchkey/pkg/limit"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// storeCall is a call of one method of the store.
type storeCall struct {
	operations []string                                  // those the call makes, each once; the first comes first
	prepare    func(t *testing.T, f fixture) outbox.Mail // stores what the call needs and returns the mail for f.mail
	do         func(ctx context.Context, f fixture, user account.User, sess session.Session) error
	check      func(t *testing.T, f fixture, before, after account.User) // checks the effect of one call
}

// methodOf returns the method of a row, which is the name of the row up to a comma.
func methodOf(row string) string {
	method, _, _ := strings.Cut(row, ",")
	return method
}

// TestEveryMethodHasARow ensures that the tests over storeCalls cover the whole store.
func TestEveryMethodHasARow(t *testing.T) {
	covered := map[string]bool{}
	for row := range storeCalls(t) {
		covered[methodOf(row)] = true
	}
	for method := range reflect.TypeFor[*dynamo.Store]().Methods() {
		if !covered[method.Name] {
			t.Errorf("got no row for %s, want one in pkg/dynamo/methods_test.go", method.Name)
		}
	}
}

// storeCalls returns at least one call of each exported method, by the name of the method. A row that differs from another
// of the same method has a comma and the difference after the name.
func storeCalls(t *testing.T) map[string]storeCall {
	all := map[string]storeCall{}
	for _, rows := range []map[string]storeCall{
		accountCalls(t), sessionCalls(t), limitCalls(t), mailCalls(), linkCalls(), identityCalls(t),
	} {
		for name, row := range rows {
			all[name] = row
		}
	}
	return all
}

// checkItems returns a check that the tables have that many items.
func checkItems(want int) func(t *testing.T, f fixture, before, after account.User) {
	return func(t *testing.T, f fixture, _, _ account.User) { wantItems(t, f, want) }
}

// recorded is a login that changes nothing but its time.
func recorded(user account.User) signin.Recorded {
	return signin.Recorded{At: now, Hash: user.PasswordHash, Forgiven: user.Forgiven}
}

func accountCalls(t *testing.T) map[string]storeCall {
	return map[string]storeCall{
		"Ping": {operations: []string{"GetItem"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error { return f.Ping(ctx) }},
		"EnsureFree": {operations: []string{"BatchGetItem"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				fresh := newUser(t, "fresh", "fresh@example.com")
				return f.EnsureFree(ctx, fresh.Username, fresh.Email)
			}},
		"CreateAccount": {operations: []string{"TransactWriteItems"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				fresh := newUser(t, "fresh", "fresh@example.com")
				return f.CreateAccount(ctx, fresh, newSession(fresh), newMail(fresh))
			},
			check: checkItems(10)},
		"CreatePending": {operations: []string{"TransactWriteItems"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				fresh := newUser(t, "fresh", "fresh@example.com")
				return f.CreatePending(ctx, fresh, newMail(fresh))
			},
			check: checkItems(9)},
		"QueueAddressTaken": {operations: []string{"TransactWriteItems"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				fresh := newUser(t, "fresh", user.Email.Canonical)
				return f.QueueAddressTaken(ctx, fresh, newMail(fresh))
			},
			check: checkItems(6)},
		"FindAccount": {operations: []string{"BatchGetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, _, err := f.FindAccount(ctx, byName(user), failures)
				return err
			}},
		"FindAccount, by address": {operations: []string{"BatchGetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, _, err := f.FindAccount(ctx, byAddress(user), failures)
				return err
			}},
		"FindUserByAddress": {operations: []string{"GetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.FindUserByAddress(ctx, user.Email.Canonical)
				return err
			}},
		"ReadUser": {operations: []string{"GetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.ReadUser(ctx, user.ID)
				return err
			}},
		"RecordLogin": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.RecordLogin(ctx, user, recorded(user))
				return err
			},
			check: func(t *testing.T, _ fixture, before, after account.User) {
				if after.SessionsLeft != before.SessionsLeft-1 {
					t.Errorf("got SessionsLeft %d, want %d", after.SessionsLeft, before.SessionsLeft-1)
				}
			}},
		"RecordLogin, another hash": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.RecordLogin(ctx, user, signin.Recorded{At: now, Hash: secret.New("another"), Forgiven: 3})
				return err
			},
			check: func(t *testing.T, _ fixture, before, after account.User) {
				if after.SessionsLeft != before.SessionsLeft-1 || after.PasswordHash.Reveal() != "another" || after.Forgiven != 3 {
					t.Errorf("got SessionsLeft %d, hash %q and Forgiven %d, want %d, %q and 3",
						after.SessionsLeft, after.PasswordHash.Reveal(), after.Forgiven, before.SessionsLeft-1, "another")
				}
			}},
		"SetSessionsLeft": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.SetSessionsLeft(ctx, user.ID, user.SessionsLeft, 7)
			},
			check: func(t *testing.T, _ fixture, _, after account.User) {
				if after.SessionsLeft != 7 {
					t.Errorf("got SessionsLeft %d, want 7", after.SessionsLeft)
				}
			}},
	}
}

func sessionCalls(t *testing.T) map[string]storeCall {
	return map[string]storeCall{
		"PutSession": {operations: []string{"PutItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.PutSession(ctx, newSession(user))
			},
			check: checkItems(6)},
		"ReadSessions": {operations: []string{"BatchGetItem"},
			do: func(ctx context.Context, f fixture, _ account.User, sess session.Session) error {
				found, err := f.ReadSessions(ctx, []session.Ref{sess.Ref()})
				if err == nil && len(found) != 1 {
					t.Errorf("got sessions %v, want 1", found)
				}
				return err
			}},
		"RotateSession": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, _ account.User, sess session.Session) error {
				rotated, err := f.RotateSession(ctx, rotation(sess))
				if err == nil && rotated.Generation != sess.Generation+1 {
					t.Errorf("got generation %d, want %d", rotated.Generation, sess.Generation+1)
				}
				return err
			},
			check: func(t *testing.T, f fixture, user, _ account.User) {
				stored, err := f.ListSessions(t.Context(), user.ID)
				if err != nil || len(stored) != 1 || stored[0].Generation != 1 {
					t.Errorf("got sessions %+v, error %v, want one of generation 1", stored, err)
				}
			}},
		"RenewSession": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, _ account.User, sess session.Session) error {
				return f.RenewSession(ctx, renewal(sess))
			}},
		"ListSessions": {operations: []string{"Query"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				found, err := f.ListSessions(ctx, user.ID)
				if err == nil && len(found) != 1 {
					t.Errorf("got sessions %v, want 1", found)
				}
				return err
			}},
		"EndSession": {operations: []string{"DeleteItem"},
			do: func(ctx context.Context, f fixture, _ account.User, sess session.Session) error {
				return f.EndSession(ctx, sess.Ref())
			},
			check: checkItems(4)},
	}
}

func limitCalls(t *testing.T) map[string]storeCall {
	return map[string]storeCall{
		"TakePermits": {operations: []string{wiretap.OfLimits + "UpdateItem"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				taken, err := f.TakePermits(ctx, limit.Quota{Scope: "x", Limit: 5}.Of("alice").At(now), 1)
				if err == nil && taken != 1 && taken != 2 { // 2 if a response was lost
					t.Errorf("got %d permits taken, want 1 or 2", taken)
				}
				return err
			}},
		"CountAttempt": {operations: []string{wiretap.OfLimits + "UpdateItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				count, err := f.CountAttempt(ctx, guard.Counter{Account: user.ID}, now.Add(time.Hour))
				if err == nil && count.Attempts != 1 && count.Attempts != 2 { // 2 if a response was lost
					t.Errorf("got %+v, want 1 or 2 attempts", count)
				}
				return err
			}},
		"TakeSlot": {operations: []string{wiretap.OfLimits + "UpdateItem"},
			prepare: countAttempt,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.TakeSlot(ctx, guard.Counter{Account: user.ID}, guard.Streak{}, guard.Streak{SlotsTaken: 1, OpensAt: now.Add(time.Minute)}, now)
			}},
		"ReportGuessing": {operations: []string{wiretap.OfLimits + "TransactWriteItems"},
			prepare: countAttempt,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.ReportGuessing(ctx, guard.Counter{Account: user.ID}, guard.Streak{}, guard.Streak{OpensAt: now.Add(time.Minute)}, newMail(user))
			},
			check: checkItems(7)},
	}
}

func mailCalls() map[string]storeCall {
	return map[string]storeCall{
		"QueueMail": {operations: []string{"PutItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.QueueMail(ctx, newMail(user))
			},
			check: checkItems(6)},
		"ReadMail": {operations: []string{"GetItem"},
			prepare: storedMail,
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				_, err := f.ReadMail(ctx, f.mail.ID)
				return err
			}},
		"ReadMailAndSessions": {operations: []string{"BatchGetItem"},
			prepare: storedMail,
			do: func(ctx context.Context, f fixture, _ account.User, sess session.Session) error {
				_, found, err := f.ReadMailAndSessions(ctx, f.mail.ID, []session.Ref{sess.Ref()})
				if err == nil && len(found) != 1 {
					return errors.New("the session is missing")
				}
				return err
			}},
		"ReadMailHistory": {operations: []string{"GetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.ReadMailHistory(ctx, outbox.Reset, user.Email.Canonical)
				return err
			}},
		"LeaseMail": {operations: []string{"TransactWriteItems"},
			prepare: storedMail,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.LeaseMail(ctx, newLease(f.mail, user))
			},
			check: func(t *testing.T, f fixture, user, _ account.User) {
				history, err := f.ReadMailHistory(t.Context(), outbox.Verification, user.Email.Canonical)
				if mail := storedMail(t, f); err != nil || len(history.Times) != 1 || mail.State != outbox.Leased {
					t.Errorf("got mail %+v, history %+v, error %v, want a leased mail and a history of 1", mail, history, err)
				}
			}},
		"SetMailState": {operations: []string{"UpdateItem"},
			prepare: leased,
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				return f.SetMailState(ctx, f.mail.ID, f.mail.Worker, outbox.Sent)
			},
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if mail := storedMail(t, f); mail.State != outbox.Sent {
					t.Errorf("got state %s, want %s", mail.State, outbox.Sent)
				}
			}},
	}
}

func linkCalls() map[string]storeCall {
	return map[string]storeCall{
		"VerifyEmail": {operations: []string{"TransactWriteItems"},
			prepare: leased,
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				return f.VerifyEmail(ctx, f.mail, true)
			},
			check: func(t *testing.T, _ fixture, _, after account.User) {
				if !after.EmailVerified || !after.Proven || after.Revision != 1 {
					t.Errorf("got account %+v, want it verified and proven at revision 1", after)
				}
			}},
		"DisownAccount": {operations: []string{"TransactWriteItems"},
			prepare: leased,
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				return f.DisownAccount(ctx, f.mail)
			},
			check: func(t *testing.T, _ fixture, _, after account.User) {
				if after.Epoch != 1 || !after.PasswordHash.IsZero() {
					t.Errorf("got account %+v, want it at epoch 1 without a password", after)
				}
			}},
		"ResetPassword": {operations: []string{"TransactWriteItems"},
			prepare: leased,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.ResetPassword(ctx, f.mail, secret.New("$new"), newMail(user))
			},
			check: func(t *testing.T, _ fixture, _, after account.User) {
				if after.Epoch != 1 || after.PasswordHash.Reveal() != "$new" || !after.Proven {
					t.Errorf("got account %+v, want it proven at epoch 1 with the new password", after)
				}
			}},
	}
}

func identityCalls(t *testing.T) map[string]storeCall {
	return map[string]storeCall{
		"PutFlow": {operations: []string{"PutItem"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				return f.PutFlow(ctx, newFlow())
			}},
		"SpendFlow": {operations: []string{"UpdateItem"},
			prepare: putFlow,
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				_, err := f.SpendFlow(ctx, newFlow(), now)
				return err
			}},
		"FindUserByIdentity": {operations: []string{"GetItem"},
			prepare: linked,
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				_, err := f.FindUserByIdentity(ctx, octavia)
				return err
			}},
		"FindHolders": {operations: []string{"BatchGetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				holder, _, err := f.FindHolders(ctx, user.Email, user.Username)
				if err == nil && holder != user.ID {
					t.Errorf("got holder %v, want %v", holder, user.ID)
				}
				return err
			}},
		"CreateAccountWithIdentity": {operations: []string{"TransactWriteItems"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				fresh := newUser(t, "fresh", "fresh@example.com")
				return f.CreateAccountWithIdentity(ctx, fresh, octavia, newSession(fresh))
			},
			check: checkItems(11)},
		"LinkIdentity": {operations: []string{"TransactWriteItems"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.LinkIdentity(ctx, newLink(user))
			},
			check: func(t *testing.T, f fixture, _, after account.User) {
				if keys := f.tables.Keys(t); len(keys) != 9 || after.Epoch != 1 || after.Revision != 1 {
					t.Errorf("got account %+v and items %v, want epoch 1, revision 1 and 9 items", after, keys)
				}
			}},
		"LinkIdentity, of a provider that is linked": {operations: []string{"TransactWriteItems", "GetItem"},
			prepare: linked,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				err := f.LinkIdentity(ctx, secondLink(user))
				if err == nil {
					return errors.New("the link was made beside the first")
				}
				if _, expected := errors.AsType[*signin.IdentityLinkedError](err); expected {
					return nil
				}
				return err
			}},
		"LinkIdentity, in place of another": {operations: []string{"TransactWriteItems"},
			prepare: linked,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				link := secondLink(user)
				link.Replaces = identityPK(t, f)
				return f.LinkIdentity(ctx, link)
			},
			check: checkItems(11)},
	}
}

// linked links the fixture's account to octavia.
func linked(t *testing.T, f fixture) outbox.Mail {
	t.Helper()
	if err := f.LinkIdentity(t.Context(), newLink(f.user)); err != nil {
		t.Fatal(err)
	}
	return outbox.Mail{}
}

// identityPK returns the partition key of the one identity in the tables.
func identityPK(t *testing.T, f fixture) string {
	t.Helper()
	for _, key := range f.tables.Keys(t) {
		if pk, _, _ := strings.Cut(key, " / "); strings.HasPrefix(pk, "I#") {
			return pk
		}
	}
	t.Fatal("got no identity in the tables, want one")
	return ""
}

// secondLink is a link of another identity of the same provider, after linked.
func secondLink(user account.User) signin.Link {
	user.Epoch, user.Revision = 1, 1
	link := newLink(user)
	link.Identity.Subject = "43"
	return link
}

// leased leases the one mail in the tables, for the fixture's account.
func leased(t *testing.T, f fixture) outbox.Mail { return leaseMail(t, f, f.user) }
