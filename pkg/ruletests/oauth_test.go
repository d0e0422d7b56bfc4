package ruletests

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// fakeProvider is a provider that identifies one person for every code.
type fakeProvider struct {
	mu     sync.Mutex
	person signin.Profile
	issuer string // in its callbacks; empty if the provider adds none
	err    error
	calls  int             // the number of calls of Identify
	keys   signin.FlowKeys // the keys of the last call
}

func (a *fakeProvider) Provider(name string) (signin.IdentityProvider, error) {
	switch name {
	case "acme", "other":
		return a, nil
	case "closed":
		return nil, signin.ErrProviderNotConfigured
	}
	return nil, signin.UnknownProvider(name)
}

func (a *fakeProvider) Issuer() string { return a.issuer }

func (*fakeProvider) AuthorizationURL(_ context.Context, keys signin.FlowKeys) (string, error) {
	return "https://acme.example/authorize?state=" + keys.State.Reveal(), nil
}

func (a *fakeProvider) Identify(_ context.Context, _ secret.String, keys signin.FlowKeys) (signin.Profile, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	a.keys = keys
	return a.person, a.err
}

const flowLife = 10 * time.Minute

// newProvider returns a provider that has verified the address of the person octavia.
func newProvider() *fakeProvider {
	return &fakeProvider{issuer: "https://acme.example", person: signin.Profile{
		Identity: signin.Identity{Issuer: "https://acme.example", Subject: "42"},
		Email:    "Octavia@example.com", Name: "octavia", FirstName: "Octavia", LastName: "Butler",
	}}
}

func (f *fixture) oauth(provider *fakeProvider) *signin.OAuth {
	return f.oauthWithStore(provider, f.store)
}

func (f *fixture) oauthWithStore(provider *fakeProvider, store signin.IdentityStore) *signin.OAuth {
	identities := signin.NewIdentityLogin(store, f.pairs(), f.devices(), f.now, rand.Reader)
	return signin.NewOAuth(provider, f.store, identities, flowLife, f.now, rand.Reader)
}

// startFlow starts a flow. It returns the callback of the provider and the binding cookie.
func (f *fixture) startFlow(t *testing.T, provider *fakeProvider, binding secret.String) (signin.Callback, secret.String) {
	t.Helper()
	return f.startFlowAt(t, "acme", provider, binding)
}

func (f *fixture) startFlowAt(t *testing.T, name string, provider *fakeProvider, binding secret.String) (signin.Callback, secret.String) {
	t.Helper()
	redirect, err := f.oauth(provider).Start(t.Context(), name, binding)
	if err != nil {
		t.Fatal(err)
	}
	location, err := url.Parse(redirect.Location)
	if err != nil {
		t.Fatal(err)
	}
	return signin.Callback{Code: secret.New("code"), State: secret.New(location.Query().Get("state"))}, redirect.Binding
}

// oauthLogin completes a flow.
func (f *fixture) oauthLogin(t *testing.T, provider *fakeProvider) (session.Pair, error) {
	t.Helper()
	callback, binding := f.startFlow(t, provider, secret.String{})
	pair, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding)
	return pair, err
}

func (f *fixture) mustOAuthLogin(t *testing.T, provider *fakeProvider) session.Pair {
	t.Helper()
	pair, err := f.oauthLogin(t, provider)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestAMismatchedCallbackSpendsNothing also shows that the provider is not called and that the flow can still be finished.
func TestAMismatchedCallbackSpendsNothing(t *testing.T) {
	foreign := secret.New(base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
	tests := map[string]func(provider *string, callback *signin.Callback, binding *secret.String){
		"no cookie":               func(_ *string, _ *signin.Callback, b *secret.String) { *b = secret.String{} },
		"another browser":         func(_ *string, _ *signin.Callback, b *secret.String) { *b = foreign },
		"a malformed cookie":      func(_ *string, _ *signin.Callback, b *secret.String) { *b = secret.New("x") },
		"no state":                func(_ *string, c *signin.Callback, _ *secret.String) { c.State = secret.String{} },
		"an unknown state":        func(_ *string, c *signin.Callback, _ *secret.String) { c.State = foreign },
		"a malformed state":       func(_ *string, c *signin.Callback, _ *secret.String) { c.State = secret.New("x") },
		"another provider":        func(p *string, _ *signin.Callback, _ *secret.String) { *p = "other" },
		"an error, no cookie":     func(_ *string, c *signin.Callback, b *secret.String) { c.Error, *b = "access_denied", secret.String{} },
		"the state as the cookie": func(_ *string, c *signin.Callback, b *secret.String) { *b = c.State },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			callback, binding := f.startFlow(t, provider, secret.String{})
			name, mismatched, cookie := "acme", callback, binding
			change(&name, &mismatched, &cookie)
			if _, _, err := f.oauth(provider).Finish(t.Context(), name, mismatched, cookie); !errors.Is(err, signin.ErrInvalidOAuthState) {
				t.Fatalf("the callback: got the error %v, want %v", err, signin.ErrInvalidOAuthState)
			}
			if provider.calls != 0 {
				t.Errorf("the calls of the provider: got %d, want 0", provider.calls)
			}
			if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil {
				t.Errorf("the matching callback afterwards: got the error %v, want none", err)
			}
		})
	}
}

func TestAFlowExpires(t *testing.T) {
	for name, test := range map[string]struct {
		later time.Duration
		want  error
	}{
		"before its end": {flowLife - time.Second, nil},
		"at its end":     {flowLife, signin.ErrInvalidOAuthState},
	} {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			callback, binding := f.startFlow(t, provider, secret.String{})
			f.clock = f.clock.Truncate(time.Second).Add(test.later)
			_, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding)
			if !errors.Is(err, test.want) {
				t.Errorf("a callback after %v: got the error %v, want %v", test.later, err, test.want)
			}
		})
	}
}

// TestAFlowIsSpentOnce finishes a flow many times at once, and another one with an error and again without.
func TestAFlowIsSpentOnce(t *testing.T) {
	const many = 32
	f, provider := newFixture(t), newProvider()
	callback, binding := f.startFlow(t, provider, secret.String{})
	errs := make([]error, many)
	var wait sync.WaitGroup
	for i := range many {
		wait.Go(func() { _, _, errs[i] = f.oauth(provider).Finish(t.Context(), "acme", callback, binding) })
	}
	wait.Wait()
	finished := 0
	for _, err := range errs {
		if err == nil {
			finished++
		} else if !errors.Is(err, signin.ErrInvalidOAuthState) {
			t.Errorf("a concurrent callback: got the error %v, want none or %v", err, signin.ErrInvalidOAuthState)
		}
	}
	if finished != 1 || provider.calls != 1 {
		t.Errorf("got %d finished flows and %d calls of the provider, want 1 and 1", finished, provider.calls)
	}

	callback, binding = f.startFlow(t, provider, secret.String{})
	denied := callback
	denied.Error = "access_denied"
	if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", denied, binding); !errors.Is(err, signin.ErrOAuthFailed) {
		t.Errorf("a callback with an error: got the error %v, want %v", err, signin.ErrOAuthFailed)
	}
	if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); !errors.Is(err, signin.ErrInvalidOAuthState) {
		t.Errorf("a callback after one with an error: got the error %v, want %v", err, signin.ErrInvalidOAuthState)
	}
}

// TestConcurrentFlows shows that the flows of a browser share one cookie and do not end each other.
func TestConcurrentFlows(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	first, binding := f.startFlow(t, provider, secret.String{})
	second, again := f.startFlow(t, provider, binding)
	if again.Reveal() != binding.Reveal() {
		t.Error("the cookie of the second flow: got another one, want the same")
	}
	if _, replaced := f.startFlow(t, provider, secret.New("foreign")); replaced.Reveal() == "foreign" {
		t.Error("the cookie of a flow: got a foreign one, want a new one")
	}
	for name, callback := range map[string]signin.Callback{"second": second, "first": first} {
		if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil {
			t.Errorf("the callback of the %s flow: got the error %v, want none", name, err)
		}
	}
	if first.State.Reveal() == second.State.Reveal() {
		t.Error("the states of two flows: got equal ones, want different ones")
	}
}

// TestFlowKeys shows that the keys of a flow reach the provider, and that each flow has new ones.
func TestFlowKeys(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	seen := map[string]bool{}
	for range 2 {
		f.mustOAuthLogin(t, provider)
		for _, key := range []secret.String{provider.keys.State, provider.keys.Verifier, provider.keys.Nonce} {
			if len(key.Reveal()) != 43 || seen[key.Reveal()] {
				t.Errorf("a flow key: got %q, want 43 characters and a new key", key.Reveal())
			}
			seen[key.Reveal()] = true
		}
	}
}

func TestALostResponseSpendsNoFlow(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	callback, binding := f.startFlow(t, provider, secret.String{})
	f.loseNextResponse("UpdateItem")
	if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil {
		t.Error(err)
	}
}

// TestRefusalsOfTheProvider shows that a refused sign-in creates no account.
func TestRefusalsOfTheProvider(t *testing.T) {
	tests := map[string]struct {
		change func(*fakeProvider, *signin.Callback)
		want   error
	}{
		"refusal":        {func(a *fakeProvider, _ *signin.Callback) { a.err = signin.ErrOAuthFailed }, signin.ErrOAuthFailed},
		"failure":        {func(a *fakeProvider, _ *signin.Callback) { a.err = signin.ErrOAuthProviderFailed }, signin.ErrOAuthProviderFailed},
		"another issuer": {func(_ *fakeProvider, c *signin.Callback) { c.Issuer = "https://evil.example" }, signin.ErrOAuthFailed},
		"no address":     {func(a *fakeProvider, _ *signin.Callback) { a.person.Email = "" }, signin.ErrOAuthEmailRequired},
		"an invalid address": {
			func(a *fakeProvider, _ *signin.Callback) { a.person.Email = "octavia" }, signin.ErrOAuthEmailRequired,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			callback, binding := f.startFlow(t, provider, secret.String{})
			test.change(provider, &callback)
			if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); !errors.Is(err, test.want) {
				t.Errorf("the callback: got the error %v, want %v", err, test.want)
			}
			for _, key := range f.tables.Keys(t) {
				if !strings.HasPrefix(key, "A#") {
					t.Errorf("the tables: got the item %s, want only flows", key)
				}
			}
		})
	}
}

// TestTheIssuerInACallback shows that the issuer is optional, and that it is ignored if the provider has none.
func TestTheIssuerInACallback(t *testing.T) {
	for name, test := range map[string]struct{ provider, callback string }{
		"of the provider":             {"https://acme.example", "https://acme.example"},
		"absent":                      {"https://acme.example", ""},
		"of a provider that has none": {"", "https://acme.example"},
	} {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			provider.issuer = test.provider
			callback, binding := f.startFlow(t, provider, secret.String{})
			callback.Issuer = test.callback
			if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil {
				t.Errorf("a callback with the issuer %q: got the error %v, want none", test.callback, err)
			}
		})
	}
}

// failingFlows is a store that must not be called.
type failingFlows struct{ signin.FlowStore }

func (failingFlows) SpendFlow(context.Context, signin.Flow, time.Time) (signin.Flow, error) {
	return signin.Flow{}, errors.New("the store was called")
}

// TestMalformedKeysCostNoCall shows that a state or a binding has one spelling, and that others are refused without a call to the
// store.
func TestMalformedKeysCostNoCall(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	good := strings.Repeat("A", 43)
	flows := signin.NewOAuth(provider, failingFlows{}, nil, flowLife, f.now, rand.Reader)
	for name, text := range map[string]string{
		"empty": "", "too short": good[1:], "too long": good + "A", "a line break inside": good[:20] + "\n" + good[20:],
		"bits to spare": good[1:] + "B", "the other alphabet": good[1:] + "+",
	} {
		for key, malformed := range map[string]struct{ state, binding string }{"state": {text, good}, "binding": {good, text}} {
			callback := signin.Callback{Code: secret.New("code"), State: secret.New(malformed.state)}
			_, _, err := flows.Finish(t.Context(), "acme", callback, secret.New(malformed.binding))
			if !errors.Is(err, signin.ErrInvalidOAuthState) {
				t.Errorf("the %s %q (%s): got the error %v, want %v", key, text, name, err, signin.ErrInvalidOAuthState)
			}
		}
		if _, binding := f.startFlow(t, provider, secret.New(text)); binding.Reveal() == text {
			t.Errorf("the binding %q (%s): got it for a new flow, want another one", text, name)
		}
	}
}

func TestUnavailableProviders(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	for name, want := range map[string]string{
		"closed": "provider_not_configured", "nobody": "unknown_provider", "Acme": "unknown_provider", "\xff": "unknown_provider",
	} {
		_, starting := f.oauth(provider).Start(t.Context(), name, secret.String{})
		_, _, finishing := f.oauth(provider).Finish(t.Context(), name, signin.Callback{}, secret.String{})
		for _, err := range []error{starting, finishing, f.oauth(provider).CheckProvider(name)} {
			if refused := fault.From(err); refused == nil || refused.Code != want {
				t.Errorf("the provider %q: got the error %v, want %s", name, err, want)
			}
		}
	}
	if keys := f.tables.Keys(t); len(keys) != 0 {
		t.Errorf("the tables: got %v, want no items", keys)
	}
}
