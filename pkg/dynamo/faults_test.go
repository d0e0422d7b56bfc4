package dynamo_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/limit"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// storeCall is one method of the store with the operations it makes, and what its effect looks like.
type storeCall struct {
	operations []string
	prepare    func(t *testing.T, f fixture) outbox.Mail // the mail that do finds in the fixture
	do         func(ctx context.Context, f fixture, user account.User, session session.Session) error
	check      func(t *testing.T, f fixture, before, after account.User)
}

func storeCalls(t *testing.T) map[string]storeCall {
	return map[string]storeCall{
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
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if keys := f.tables.Keys(t); len(keys) != 10 {
					t.Errorf("the tables hold %v", keys)
				}
			}},
		"FindUser": {operations: []string{"GetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.FindUser(ctx, byName(user))
				return err
			}},
		"RecordLogin": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.RecordLogin(ctx, user, user.PasswordHash, now)
				return err
			},
			check: func(t *testing.T, _ fixture, before, after account.User) {
				if after.SessionsLeft != before.SessionsLeft-1 {
					t.Errorf("the room went from %d to %d", before.SessionsLeft, after.SessionsLeft)
				}
			}},
		"RecordLogin, another hash": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.RecordLogin(ctx, user, secret.New("another"), now)
				return err
			},
			check: func(t *testing.T, _ fixture, before, after account.User) {
				if after.SessionsLeft != before.SessionsLeft-1 || after.PasswordHash.Reveal() != "another" {
					t.Errorf("the room went from %d to %d, the hash is %s", before.SessionsLeft, after.SessionsLeft, after.PasswordHash.Reveal())
				}
			}},
		"PutSession": {operations: []string{"PutItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.PutSession(ctx, newSession(user))
			},
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if keys := f.tables.Keys(t); len(keys) != 6 {
					t.Errorf("the tables hold %v", keys)
				}
			}},
		"ReadSessions": {operations: []string{"BatchGetItem"},
			do: func(ctx context.Context, f fixture, _ account.User, sess session.Session) error {
				found, err := f.ReadSessions(ctx, []session.Ref{sess.Ref()})
				if err == nil && len(found) != 1 {
					t.Errorf("the sessions found are %v", found)
				}
				return err
			}},
		"ReadUser": {operations: []string{"GetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.ReadUser(ctx, user.ID)
				return err
			}},
		"RotateSession": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, _ account.User, session session.Session) error {
				moved, err := f.RotateSession(ctx, move(session))
				if err == nil && moved.Generation != session.Generation+1 {
					t.Errorf("the session moved to %d", moved.Generation)
				}
				return err
			},
			check: func(t *testing.T, f fixture, user, _ account.User) {
				for _, session := range f.tables.Items(t, f.tables.Sessions) {
					if gen, ok := session["gen"].(*types.AttributeValueMemberN); ok && gen.Value != "1" {
						t.Errorf("the session stands at %s", gen.Value)
					}
				}
			}},
		"RenewSession": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, _ account.User, session session.Session) error {
				return f.RenewSession(ctx, renewal(session))
			}},
		"ListSessions": {operations: []string{"Query"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				found, err := f.ListSessions(ctx, user.ID)
				if err == nil && len(found) != 1 {
					t.Errorf("the sessions found are %v", found)
				}
				return err
			}},
		"SetSessionsLeft": {operations: []string{"UpdateItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.SetSessionsLeft(ctx, user.ID, user.SessionsLeft, 7)
			},
			check: func(t *testing.T, _ fixture, _, after account.User) {
				if after.SessionsLeft != 7 {
					t.Errorf("the room is %d", after.SessionsLeft)
				}
			}},
		"EndSession": {operations: []string{"DeleteItem"},
			do: func(ctx context.Context, f fixture, _ account.User, session session.Session) error {
				return f.EndSession(ctx, session.Ref())
			},
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if keys := f.tables.Keys(t); len(keys) != 4 {
					t.Errorf("the tables hold %v", keys)
				}
			}},
		"TakePermits": {operations: []string{wiretap.OfLimits + "UpdateItem"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				_, granted, err := f.TakePermits(ctx, limit.Bucket{Scope: "x", Holder: "alice", Limit: 5}, 1, now, now.Add(time.Minute))
				if err == nil && !granted {
					t.Error("a full bucket gave no permit")
				}
				return err
			}},
		"CountAttempt": {operations: []string{wiretap.OfLimits + "UpdateItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				tries, err := f.CountAttempt(ctx, guard.Counter{Account: user.ID}, now.Add(time.Hour))
				if err == nil && tries.Attempts != 1 && tries.Attempts != 2 { // two if an answer was lost
					t.Errorf("the count is %+v", tries)
				}
				return err
			}},
		"TakeSlot": {operations: []string{wiretap.OfLimits + "UpdateItem"},
			prepare: counted,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.TakeSlot(ctx, guard.Counter{Account: user.ID}, 0, now, now.Add(time.Minute))
			}},
		"ReportGuessing": {operations: []string{wiretap.OfLimits + "TransactWriteItems"},
			prepare: counted,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.ReportGuessing(ctx, guard.Counter{Account: user.ID}, now.Add(time.Minute), newMail(user))
			},
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if keys := f.tables.Keys(t); len(keys) != 7 {
					t.Errorf("the tables hold %v", keys)
				}
			}},
		"ClearAttempts": {operations: []string{wiretap.OfLimits + "DeleteItem"},
			prepare: counted,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.ClearAttempts(ctx, guard.Counter{Account: user.ID})
			},
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if keys := f.tables.Keys(t); len(keys) != 5 {
					t.Errorf("the tables hold %v", keys)
				}
			}},
		"QueueMail": {operations: []string{"PutItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.QueueMail(ctx, newMail(user))
			},
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if keys := f.tables.Keys(t); len(keys) != 6 {
					t.Errorf("the tables hold %v", keys)
				}
			}},
		"ReadMailAndSessions": {operations: []string{"BatchGetItem"},
			prepare: queued,
			do: func(ctx context.Context, f fixture, _ account.User, sess session.Session) error {
				_, found, err := f.ReadMailAndSessions(ctx, f.mail.ID, []session.Ref{sess.Ref()})
				if err == nil && len(found) != 1 {
					t.Errorf("the sessions found are %v", found)
				}
				return err
			}},
		"ReadMailHistory": {operations: []string{"GetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				_, err := f.ReadMailHistory(ctx, outbox.Reset, user.Email.Canonical)
				return err
			}},
		"LeaseMail": {operations: []string{"TransactWriteItems"},
			prepare: queued,
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.LeaseMail(ctx, claimOf(f.mail, user))
			},
			check: func(t *testing.T, f fixture, user, _ account.User) {
				count, err := f.ReadMailHistory(t.Context(), outbox.Verification, user.Email.Canonical)
				if mail := queued(t, f); err != nil || len(count.Times) != 1 || mail.State != outbox.Leased {
					t.Errorf("the mail is %+v, counted %+v, error %v", mail, count, err)
				}
			}},
		"SetMailState": {operations: []string{"UpdateItem"},
			prepare: func(t *testing.T, f fixture) outbox.Mail { return claimed(t, f, f.user) },
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				return f.SetMailState(ctx, f.mail.ID, f.mail.Worker, outbox.Sent)
			},
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if mail := queued(t, f); mail.State != outbox.Sent {
					t.Errorf("the mail is %+v", mail)
				}
			}},
		"VerifyEmail": {operations: []string{"TransactWriteItems"},
			prepare: func(t *testing.T, f fixture) outbox.Mail { return claimed(t, f, f.user) },
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				return f.VerifyEmail(ctx, f.mail, true)
			},
			check: func(t *testing.T, _ fixture, _, after account.User) {
				if !after.EmailVerified || !after.Proven || after.Revision != 1 {
					t.Errorf("the account is %+v", after)
				}
			}},
		"DisownAccount": {operations: []string{"TransactWriteItems"},
			prepare: func(t *testing.T, f fixture) outbox.Mail { return claimed(t, f, f.user) },
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				return f.DisownAccount(ctx, f.mail)
			},
			check: func(t *testing.T, _ fixture, _, after account.User) {
				if after.Epoch != 1 || !after.PasswordHash.IsZero() {
					t.Errorf("the account is %+v", after)
				}
			}},
		"ResetPassword": {operations: []string{"TransactWriteItems"},
			prepare: func(t *testing.T, f fixture) outbox.Mail { return claimed(t, f, f.user) },
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.ResetPassword(ctx, f.mail, secret.New("$new"), newMail(user))
			},
			check: func(t *testing.T, _ fixture, _, after account.User) {
				if after.Epoch != 1 || after.PasswordHash.Reveal() != "$new" || !after.Proven {
					t.Errorf("the account is %+v", after)
				}
			}},
		"PutFlow": {operations: []string{"PutItem"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				return f.PutFlow(ctx, newFlow())
			}},
		"SpendFlow": {operations: []string{"UpdateItem"},
			prepare: func(t *testing.T, f fixture) outbox.Mail { putFlow(t, f); return outbox.Mail{} },
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				_, err := f.SpendFlow(ctx, newFlow(), now)
				return err
			}},
		"FindUserByIdentity": {operations: []string{"GetItem"},
			prepare: func(t *testing.T, f fixture) outbox.Mail {
				if err := f.LinkIdentity(t.Context(), newLink(f.user)); err != nil {
					t.Fatal(err)
				}
				return outbox.Mail{}
			},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				_, err := f.FindUserByIdentity(ctx, octavia)
				return err
			}},
		"FindHolders": {operations: []string{"BatchGetItem"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				holder, _, err := f.FindHolders(ctx, user.Email, user.Username)
				if err == nil && holder != user.ID {
					t.Errorf("the holder is %v", holder)
				}
				return err
			}},
		"CreateAccountWithIdentity": {operations: []string{"TransactWriteItems"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error {
				fresh := newUser(t, "fresh", "fresh@example.com")
				return f.CreateAccountWithIdentity(ctx, fresh, octavia, newSession(fresh))
			},
			check: func(t *testing.T, f fixture, _, _ account.User) {
				if keys := f.tables.Keys(t); len(keys) != 11 {
					t.Errorf("the tables hold %v", keys)
				}
			}},
		"LinkIdentity": {operations: []string{"TransactWriteItems"},
			do: func(ctx context.Context, f fixture, user account.User, _ session.Session) error {
				return f.LinkIdentity(ctx, newLink(user))
			},
			check: func(t *testing.T, f fixture, _, after account.User) {
				if keys := f.tables.Keys(t); len(keys) != 9 || after.Epoch != 1 || after.Revision != 1 {
					t.Errorf("the tables hold %v, the account is %+v", keys, after)
				}
			}},
		"Ping": {operations: []string{"GetItem"},
			do: func(ctx context.Context, f fixture, _ account.User, _ session.Session) error { return f.Ping(ctx) }},
	}
}

// prepare stores alice's account, and what the call needs.
func (f *fixture) prepare(t *testing.T, call storeCall) (account.User, session.Session) {
	t.Helper()
	user, session := create(t, *f, "alice", "alice@example.com")
	f.user = user
	if call.prepare != nil {
		f.mail = call.prepare(t, *f)
	}
	return user, session
}

func eachCallAndFault(t *testing.T, test func(t *testing.T, call storeCall, operation string, injected wiretap.Fault)) {
	for name, call := range storeCalls(t) {
		for _, operation := range call.operations {
			for faultName, injected := range wiretap.FaultsOf(operation) {
				t.Run(name+"/"+faultName, func(t *testing.T) {
					t.Parallel()
					test(t, call, operation, injected)
				})
			}
		}
	}
}

// TestAPassingFaultIsNotNoticed injects each fault once into each store call: it succeeds, with its effect once.
func TestAPassingFaultIsNotNoticed(t *testing.T) {
	eachCallAndFault(t, func(t *testing.T, call storeCall, operation string, injected wiretap.Fault) {
		f := onDynoxide(t)
		user, session := f.prepare(t, call)
		f.tap.Inject(operation, 0, 1, injected)
		if err := call.do(t.Context(), f, user, session); err != nil {
			t.Fatalf("the call failed: %v", err)
		}
		f.tap.Reset()
		after, err := f.FindUser(t.Context(), byName(user))
		if err != nil {
			t.Fatal(err)
		}
		if call.check != nil {
			call.check(t, f, user, after)
		}
	})
}

// TestALastingFaultIsUnavailable injects each fault for good: 503, never a refusal and never an absent item.
func TestALastingFaultIsUnavailable(t *testing.T) {
	eachCallAndFault(t, func(t *testing.T, call storeCall, operation string, injected wiretap.Fault) {
		f := onDynoxide(t)
		user, session := f.prepare(t, call)
		f.tap.Inject(operation, 0, 1000, injected)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := call.do(ctx, f, user, session)
		if got := fault.From(err); got == nil || got.Kind != fault.Unavailable || got.RetryAfter <= 0 {
			t.Errorf("the error is %v", err)
		}
		if errors.Is(err, account.ErrNotFound) {
			t.Errorf("an unanswered read looks like an absent item: %v", err)
		}
	})
}

func TestAStoreThatHangsIsUnavailableWithinTheDeadline(t *testing.T) {
	for name, call := range storeCalls(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onDynoxide(t)
			user, session := f.prepare(t, call)
			f.tap.Inject(call.operations[0], 0, 1000, wiretap.Hang)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := call.do(ctx, f, user, session); !errors.Is(err, fault.ServiceUnavailable) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestALackingPermissionIsOurFault(t *testing.T) {
	for name, call := range storeCalls(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onDynoxide(t)
			user, session := f.prepare(t, call)
			f.tap.Inject(call.operations[0], 0, 1000, wiretap.AccessDenied)
			if got := fault.From(call.do(t.Context(), f, user, session)); got == nil || got.Kind != fault.Internal {
				t.Errorf("the fault is %+v", got)
			}
		})
	}
}

// TestALostAnswerAfterAnotherLogin: the operation that RecordLogin left is gone when its retry comes. The account counts
// the login twice, which costs one early look at the sessions; nothing else changes and nobody is refused.
func TestALostAnswerAfterAnotherLogin(t *testing.T) {
	f := onDynoxide(t)
	user, _ := create(t, f, "alice", "alice@example.com")
	other := openStore(f.tables, nil)
	f.tap.Inject("UpdateItem", 0, 1, func(e wiretap.Exchange) (*http.Response, error) {
		response, err := wiretap.LoseAnswer(e)
		if _, otherErr := other.RecordLogin(t.Context(), user, user.PasswordHash, now); otherErr != nil {
			t.Error(otherErr)
		}
		return response, err
	})
	if _, err := f.RecordLogin(t.Context(), user, user.PasswordHash, now); err != nil {
		t.Fatal(err)
	}
	after, err := f.FindUser(t.Context(), byName(user))
	if err != nil || after.SessionsLeft != user.SessionsLeft-3 {
		t.Errorf("the room is %d, error %v", after.SessionsLeft, err)
	}
	want := user
	want.SessionsLeft, want.LastLogin = after.SessionsLeft, now
	if !reflect.DeepEqual(after, want) {
		t.Errorf("the account is %+v", after)
	}
}
