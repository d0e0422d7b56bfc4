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

// acme is a provider that knows one person, whatever the code.
type fakeProvider struct {
	mu     sync.Mutex
	person signin.Profile
	issuer string // as its callbacks name it; empty for a provider that does not
	err    error
	calls  int             // how often it was asked who the person is
	keys   signin.FlowKeys // that it was asked with last
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

// octavia is a person whom the provider vouches for.
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

// begin starts a flow and returns what the browser comes back with, and its cookie.
func (f *fixture) startFlow(t *testing.T, provider *fakeProvider, binding secret.String) (signin.Callback, secret.String) {
	t.Helper()
	return f.startFlowAt(t, "acme", provider, binding)
}

func (f *fixture) startFlowAt(t *testing.T, name string, provider *fakeProvider, binding secret.String) (signin.Callback, secret.String) {
	t.Helper()
	started, err := f.oauth(provider).Start(t.Context(), name, binding)
	if err != nil {
		t.Fatal(err)
	}
	location, err := url.Parse(started.Location)
	if err != nil {
		t.Fatal(err)
	}
	return signin.Callback{Code: secret.New("code"), State: secret.New(location.Query().Get("state"))}, started.Binding
}

// oauthIn goes through a whole flow.
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

// TestACallbackThatDoesNotFitSpendsNothing: the provider is not called, and the flow can still be finished.
func TestACallbackThatDoesNotFitSpendsNothing(t *testing.T) {
	foreign := secret.New(base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
	tests := map[string]func(provider *string, callback *signin.Callback, binding *secret.String){
		"no cookie":               func(_ *string, _ *signin.Callback, b *secret.String) { *b = secret.String{} },
		"another browser's":       func(_ *string, _ *signin.Callback, b *secret.String) { *b = foreign },
		"a cookie that is none":   func(_ *string, _ *signin.Callback, b *secret.String) { *b = secret.New("x") },
		"no state":                func(_ *string, c *signin.Callback, _ *secret.String) { c.State = secret.String{} },
		"an unknown state":        func(_ *string, c *signin.Callback, _ *secret.String) { c.State = foreign },
		"a state that is none":    func(_ *string, c *signin.Callback, _ *secret.String) { c.State = secret.New("x") },
		"another provider":        func(p *string, _ *signin.Callback, _ *secret.String) { *p = "other" },
		"an error, no cookie":     func(_ *string, c *signin.Callback, b *secret.String) { c.Error, *b = "access_denied", secret.String{} },
		"the state as the cookie": func(_ *string, c *signin.Callback, b *secret.String) { *b = c.State },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			callback, binding := f.startFlow(t, provider, secret.String{})
			at, misfit, cookie := "acme", callback, binding
			change(&at, &misfit, &cookie)
			if _, _, err := f.oauth(provider).Finish(t.Context(), at, misfit, cookie); !errors.Is(err, signin.ErrInvalidOAuthState) {
				t.Fatalf("the error is %v", err)
			}
			if provider.calls != 0 {
				t.Error("the provider was called")
			}
			if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil {
				t.Errorf("the flow was spent: %v", err)
			}
		})
	}
}

func TestAFlowEnds(t *testing.T) {
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
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestAFlowIsSpentOnce, by many at once too, and by a callback that brings an error.
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
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, signin.ErrInvalidOAuthState) {
			t.Errorf("a loser got %v", err)
		}
	}
	if won != 1 || provider.calls != 1 {
		t.Errorf("%d won, the provider was asked %d times", won, provider.calls)
	}

	callback, binding = f.startFlow(t, provider, secret.String{})
	denied := callback
	denied.Error = "access_denied"
	if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", denied, binding); !errors.Is(err, signin.ErrOAuthFailed) {
		t.Errorf("denied: %v", err)
	}
	if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); !errors.Is(err, signin.ErrInvalidOAuthState) {
		t.Errorf("after the denial: %v", err)
	}
}

// TestFlowsAtOnce share the browser's cookie and do not end each other.
func TestFlowsAtOnce(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	first, binding := f.startFlow(t, provider, secret.String{})
	second, again := f.startFlow(t, provider, binding)
	if again.Reveal() != binding.Reveal() {
		t.Error("the second flow has another cookie")
	}
	if _, replaced := f.startFlow(t, provider, secret.New("not ours")); replaced.Reveal() == "not ours" {
		t.Error("a cookie that is not ours was taken")
	}
	for name, callback := range map[string]signin.Callback{"second": second, "first": first} {
		if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if first.State.Reveal() == second.State.Reveal() {
		t.Error("the flows have one state")
	}
}

// TestTheFlowsKeys reach the provider as they were made, and differ from flow to flow.
func TestTheFlowsKeys(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	seen := map[string]bool{}
	for range 2 {
		f.mustOAuthLogin(t, provider)
		for _, key := range []secret.String{provider.keys.State, provider.keys.Verifier, provider.keys.Nonce} {
			if len(key.Reveal()) != 43 || seen[key.Reveal()] {
				t.Errorf("a key of %d characters, or one seen before", len(key.Reveal()))
			}
			seen[key.Reveal()] = true
		}
	}
}

func TestALostAnswerSpendsNoFlow(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	callback, binding := f.startFlow(t, provider, secret.String{})
	f.loseNextResponse("UpdateItem")
	if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil {
		t.Error(err)
	}
}

// TestRefusalsOfTheProvider leave no account.
func TestRefusalsOfTheProvider(t *testing.T) {
	tests := map[string]struct {
		change func(*fakeProvider, *signin.Callback)
		want   error
	}{
		"it refuses":       {func(a *fakeProvider, _ *signin.Callback) { a.err = signin.ErrOAuthFailed }, signin.ErrOAuthFailed},
		"it fails":         {func(a *fakeProvider, _ *signin.Callback) { a.err = signin.ErrOAuthProviderFailed }, signin.ErrOAuthProviderFailed},
		"another's issuer": {func(_ *fakeProvider, c *signin.Callback) { c.Issuer = "https://evil.example" }, signin.ErrOAuthFailed},
		"no address":       {func(a *fakeProvider, _ *signin.Callback) { a.person.Email = "" }, signin.ErrOAuthEmailRequired},
		"an address that none can have": {
			func(a *fakeProvider, _ *signin.Callback) { a.person.Email = "octavia" }, signin.ErrOAuthEmailRequired,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			callback, binding := f.startFlow(t, provider, secret.String{})
			test.change(provider, &callback)
			if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); !errors.Is(err, test.want) {
				t.Errorf("the error is %v", err)
			}
			for _, key := range f.tables.Keys(t) {
				if !strings.HasPrefix(key, "A#") {
					t.Errorf("there is %s", key)
				}
			}
		})
	}
}

// TestTheIssuerInACallback is its provider's, or tells nothing if the provider has no name for itself.
func TestTheIssuerInACallback(t *testing.T) {
	for name, test := range map[string]struct{ provider, callback string }{
		"the provider's":              {"https://acme.example", "https://acme.example"},
		"left out":                    {"https://acme.example", ""},
		"of a provider that has none": {"", "https://acme.example"},
	} {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			provider.issuer = test.provider
			callback, binding := f.startFlow(t, provider, secret.String{})
			callback.Issuer = test.callback
			if _, _, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil {
				t.Error(err)
			}
		})
	}
}

// uncalled is a store of flows that nothing may be asked of.
type failingFlows struct{ signin.FlowStore }

func (failingFlows) SpendFlow(context.Context, signin.Flow, time.Time) (signin.Flow, error) {
	return signin.Flow{}, errors.New("the store was called")
}

// TestWhatCannotBeAKeyCostsNoCall: there is one way to write a state or a binding, and it is looked at first.
func TestWhatCannotBeAKeyCostsNoCall(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	good := strings.Repeat("A", 43)
	flows := signin.NewOAuth(provider, failingFlows{}, nil, flowLife, f.now, rand.Reader)
	for name, text := range map[string]string{
		"nothing": "", "too short": good[1:], "too long": good + "A", "a line break inside": good[:20] + "\n" + good[20:],
		"bits to spare": good[1:] + "B", "the other alphabet": good[1:] + "+",
	} {
		for which, misfit := range map[string]struct{ state, binding string }{"state": {text, good}, "binding": {good, text}} {
			callback := signin.Callback{Code: secret.New("code"), State: secret.New(misfit.state)}
			_, _, err := flows.Finish(t.Context(), "acme", callback, secret.New(misfit.binding))
			if !errors.Is(err, signin.ErrInvalidOAuthState) {
				t.Errorf("%s as %s: the error is %v", name, which, err)
			}
		}
		if _, binding := f.startFlow(t, provider, secret.New(text)); binding.Reveal() == text {
			t.Errorf("%s: it was taken for a binding", name)
		}
	}
}

func TestProvidersThatAreNotThere(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	for name, want := range map[string]string{
		"closed": "provider_not_configured", "nobody": "unknown_provider", "Acme": "unknown_provider", "\xff": "unknown_provider",
	} {
		_, starting := f.oauth(provider).Start(t.Context(), name, secret.String{})
		_, _, finishing := f.oauth(provider).Finish(t.Context(), name, signin.Callback{}, secret.String{})
		for _, err := range []error{starting, finishing, f.oauth(provider).CheckProvider(name)} {
			if refused := fault.From(err); refused == nil || refused.Code != want {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
	}
	if keys := f.tables.Keys(t); len(keys) != 0 {
		t.Errorf("the tables hold %v", keys)
	}
}
