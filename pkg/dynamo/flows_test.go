package dynamo_test

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

func newFlow() signin.Flow {
	return signin.Flow{
		FlowKeys: signin.FlowKeys{State: secret.New("state"), Verifier: secret.New("verifier"), Nonce: secret.New("nonce")},
		Provider: "acme",
		Binding:  []byte("a hash"),
		Expires:  now.Truncate(time.Second).Add(time.Minute),
	}
}

// putFlow stores a flow.
func putFlow(t *testing.T, f fixture) outbox.Mail {
	t.Helper()
	if err := f.PutFlow(t.Context(), newFlow()); err != nil {
		t.Fatal(err)
	}
	return outbox.Mail{}
}

// TestSpendFlow has a case for each part of the condition.
func TestSpendFlow(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		putFlow(t, f)
		for name, change := range map[string]func(*signin.Flow, *time.Time){
			"another state":    func(flow *signin.Flow, _ *time.Time) { flow.State = secret.New("another") },
			"another provider": func(flow *signin.Flow, _ *time.Time) { flow.Provider = "other" },
			"another browser":  func(flow *signin.Flow, _ *time.Time) { flow.Binding = []byte("another") },
			"at its end":       func(flow *signin.Flow, at *time.Time) { *at = flow.Expires },
		} {
			presented, at := newFlow(), now
			change(&presented, &at)
			if _, err := f.SpendFlow(t.Context(), presented, at); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: got error %v, want %v", name, err, account.ErrNotFound)
			}
		}
		presented := signin.Flow{FlowKeys: signin.FlowKeys{State: secret.New("state")}, Provider: "acme", Binding: []byte("a hash")}
		if got, err := f.SpendFlow(t.Context(), presented, now); err != nil || !reflect.DeepEqual(got, newFlow()) {
			t.Errorf("got %+v, error %v, want %+v", got, err, newFlow())
		}
		if _, err := f.SpendFlow(t.Context(), presented, now); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a second time: got error %v, want %v", err, account.ErrNotFound)
		}
	})
}

func TestConcurrentSpendFlow(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		putFlow(t, f)
		var spent atomic.Int32
		var callers sync.WaitGroup
		for range 32 {
			callers.Go(func() {
				_, err := f.SpendFlow(t.Context(), newFlow(), now)
				if err == nil {
					spent.Add(1)
				} else if !errors.Is(err, account.ErrNotFound) {
					t.Errorf("got error %v, want none or %v", err, account.ErrNotFound)
				}
			})
		}
		callers.Wait()
		if spent.Load() != 1 {
			t.Errorf("got %d successes of 32, want 1", spent.Load())
		}
	})
}
