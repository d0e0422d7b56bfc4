package dynamo_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"testing"
	"time"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/session"
)

// prepare stores the account of alice with a session, and what the call needs.
func (f *fixture) prepare(t *testing.T, call storeCall) (account.User, session.Session) {
	t.Helper()
	user, sess := create(t, *f, "alice", "alice@example.com")
	f.user = user
	if call.prepare != nil {
		f.mail = call.prepare(t, *f)
	}
	return user, sess
}

func eachCallAndFault(t *testing.T, test func(t *testing.T, call storeCall, operation string, injected wiretap.Fault)) {
	for name, call := range storeCalls(t) {
		for _, operation := range call.operations {
			for faultName, injected := range wiretap.FaultsOf(operation) {
				t.Run(name+"/"+operation+"/"+faultName, func(t *testing.T) {
					t.Parallel()
					test(t, call, operation, injected)
				})
			}
		}
	}
}

// TestTransientFault injects each fault once into each call. The call must succeed and take effect once.
func TestTransientFault(t *testing.T) {
	eachCallAndFault(t, func(t *testing.T, call storeCall, operation string, injected wiretap.Fault) {
		f := onDynoxide(t)
		user, sess := f.prepare(t, call)
		f.tap.Inject(operation, 0, 1, injected)
		if err := call.do(t.Context(), f, user, sess); err != nil {
			t.Fatalf("got error %v, want none", err)
		}
		f.tap.Reset()
		after, err := f.findUser(t.Context(), byName(user))
		if err != nil {
			t.Fatal(err)
		}
		if call.check != nil {
			call.check(t, f, user, after)
		}
	})
}

// TestLastingFault injects each fault into every attempt of each call. The error must be [fault.Unavailable], never a refusal
// and never an absent item.
func TestLastingFault(t *testing.T) {
	eachCallAndFault(t, func(t *testing.T, call storeCall, operation string, injected wiretap.Fault) {
		f := onDynoxide(t)
		user, sess := f.prepare(t, call)
		f.tap.Inject(operation, 0, 1000, injected)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := call.do(ctx, f, user, sess)
		if got := fault.From(err); got == nil || got.Kind != fault.Unavailable || got.RetryAfter <= 0 {
			t.Errorf("got error %v, want one of the kind Unavailable with a time to retry after", err)
		}
		if errors.Is(err, account.ErrNotFound) {
			t.Errorf("got error %v, want none that means an absent item", err)
		}
	})
}

func TestHangingStore(t *testing.T) {
	for name, call := range storeCalls(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onDynoxide(t)
			user, sess := f.prepare(t, call)
			f.tap.Inject(call.operations[0], 0, 1000, wiretap.Hang)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := call.do(ctx, f, user, sess); !errors.Is(err, fault.ServiceUnavailable) {
				t.Errorf("got error %v, want %v", err, fault.ServiceUnavailable)
			}
		})
	}
}

func TestMissingPermissionIsInternal(t *testing.T) {
	for name, call := range storeCalls(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onDynoxide(t)
			user, sess := f.prepare(t, call)
			f.tap.Inject(call.operations[0], 0, 1000, wiretap.AccessDenied)
			err := call.do(t.Context(), f, user, sess)
			if got := fault.From(err); got == nil || got.Kind != fault.Internal {
				t.Errorf("got error %v, want one of the kind Internal", err)
			}
		})
	}
}

// TestLostResponseBeforeAnotherLogin covers a retry of RecordLogin that no longer finds its own operation, because another
// login has overwritten it. The account counts the login twice, so its sessions are swept one login earlier. Nothing else
// changes, and the login is not refused.
func TestLostResponseBeforeAnotherLogin(t *testing.T) {
	f := onDynoxide(t)
	user, _ := create(t, f, "alice", "alice@example.com")
	other := openStore(f.tables, nil)
	f.tap.Inject("UpdateItem", 0, 1, func(e wiretap.Exchange) (*http.Response, error) {
		response, err := wiretap.LoseAnswer(e)
		if _, otherErr := other.RecordLogin(t.Context(), user, recorded(user)); otherErr != nil {
			t.Error(otherErr)
		}
		return response, err
	})
	if _, err := f.RecordLogin(t.Context(), user, recorded(user)); err != nil {
		t.Fatal(err)
	}
	want := user
	want.SessionsLeft, want.LastLogin = user.SessionsLeft-3, now
	if got, err := f.findUser(t.Context(), byName(user)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got account %+v, error %v, want %+v", got, err, want)
	}
}
