package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/fault"
	"latchkey/pkg/random"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Signing in by a provider is the authorization code flow (RFC 6749 §4.1) with PKCE (RFC 7636) and, where the provider
// speaks OpenID Connect, a nonce (Core 1.0 §3.1.2.1). This file holds the flow; identity.go says whose account it leads to.
//
//	         start                    callback
//	  none ---------> open (10 min) ----------> spent --> tokens, or a refusal
//	                    |   ^
//	                    +---+ a callback that does not fit
//
// Start stores a flow under the hash of its state, bound to one provider and, by the hash of a cookie, to one browser. The
// cookie is the browser's for all flows that it has under way at once.
//
// A callback spends its flow by one conditional write: the flow is there, unspent, not past its end, of this provider and
// of this browser. Of two callbacks at once one goes on. A callback that does not fit spends nothing, and the provider is
// not called: a person's browser may hit the callback without the cookie before the client that holds it calls again. One
// whose code or error does not come from the provider that the flow was bound to is refused by the same write, so that a
// provider cannot be taken for another (RFC 9700 §4.4).
//
// What follows a spent flow can fail: the provider may refuse or be away, and then the flow has to be started again. No
// account is touched before the provider has answered for the whole identity.

// What signing in by a provider can be refused with. Whatever is wrong with a state is one answer.
var (
	ErrInvalidOAuthState = &fault.Fault{Kind: fault.Refused, Code: "invalid_oauth_state", Detail: "Invalid OAuth state"}
	// ErrOAuthFailed says that the provider refused, or that what it said cannot be trusted.
	ErrOAuthFailed = &fault.Fault{Kind: fault.Refused, Code: "oauth_failed", Detail: oauthFailed}
	// ErrOAuthEmailRequired says that the provider vouches for no address of a person who is new here.
	ErrOAuthEmailRequired = &fault.Fault{Kind: fault.Refused, Code: "oauth_email_required", Detail: oauthFailed}
	// ErrOAuthProviderFailed says that the provider is away, slow or answers nonsense.
	ErrOAuthProviderFailed = &fault.Fault{Kind: fault.Upstream, Code: "oauth_provider_failed", Detail: oauthFailed}
	// ErrProviderNotConfigured says that a known provider has no settings.
	ErrProviderNotConfigured = &fault.Fault{
		Kind: fault.NotFound, Code: "provider_not_configured", Detail: "OAuth provider not configured",
	}
)

const oauthFailed = "OAuth authentication failed"

// UnknownProvider is the answer to the name of no provider.
func UnknownProvider(name string) *fault.Fault {
	return &fault.Fault{
		Kind: fault.Refused, Code: "unknown_provider", Detail: "Unknown OAuth provider: " + strings.ToValidUTF8(name, "\uFFFD"),
	}
}

// FlowKeys are what one flow is protected by, 256 random bits each, as text.
type FlowKeys struct {
	State    secret.String // comes back with the callback (RFC 6749 §10.12)
	Verifier secret.String // PKCE's; the provider gets its hash first (RFC 7636 §4.1)
	Nonce    secret.String // comes back in the ID token
}

// IdentityProvider knows people of its own and says who one of them is.
type IdentityProvider interface {
	// AuthorizationURL is where the person's browser is sent. It fails with ErrOAuthProviderFailed.
	AuthorizationURL(ctx context.Context, keys FlowKeys) (string, error)
	// Identify exchanges the code for the person's identity, whose Provider is the caller's to fill in. It fails with
	// ErrOAuthFailed if the provider refuses or its answer does not verify, and with ErrOAuthProviderFailed if there is none to
	// be had in time.
	Identify(ctx context.Context, code secret.String, keys FlowKeys) (Profile, error)
	// Issuer names the provider in its callbacks (RFC 9207); empty if it does not.
	Issuer() string
}

// IdentityProviders finds providers.
type IdentityProviders interface {
	// Provider returns the provider of that name, an [UnknownProvider], or ErrProviderNotConfigured. It calls nobody.
	Provider(name string) (IdentityProvider, error)
}

// Flow is a sign-in by a provider that is under way.
type Flow struct {
	FlowKeys
	Provider string
	Binding  []byte    // the SHA-256 of the browser's binding cookie
	Expires  time.Time // whole seconds
}

// FlowStore keeps flows.
type FlowStore interface {
	// PutFlow stores a new flow, of its state only the hash.
	PutFlow(ctx context.Context, flow Flow) error
	// SpendFlow returns the flow that has the state, provider and binding of presented, and has not ended at now, and marks
	// it spent: of several callers one gets it. Otherwise it changes nothing and returns ErrNotFound. A write of its own
	// that is found done is a success.
	SpendFlow(ctx context.Context, presented Flow, now time.Time) (Flow, error)
}

// OAuth signs people in by providers.
type OAuth struct {
	providers IdentityProviders
	flows     FlowStore
	accounts  *IdentityLogin
	life      time.Duration // of a flow
	now       clock.Clock
	random    io.Reader
}

// NewOAuth returns an OAuth whose flows live for life, whole seconds. random must be a cryptographic source that cannot fail.
func NewOAuth(
	providers IdentityProviders, flows FlowStore, accounts *IdentityLogin, life time.Duration, now clock.Clock, random io.Reader,
) *OAuth {
	return &OAuth{providers: providers, flows: flows, accounts: accounts, life: life, now: now, random: random}
}

// Redirect is what starting a flow gives.
type Redirect struct {
	Location string        // where to send the browser
	Binding  secret.String // the value of the binding cookie
}

// Start begins a flow. binding is the cookie that the browser sent: a good one is used again, so that flows at once do not
// end each other.
func (o *OAuth) Start(ctx context.Context, provider string, binding secret.String) (Redirect, error) {
	chosen, err := o.providers.Provider(provider)
	if err != nil {
		return Redirect{}, err
	}
	if !isFlowKey(binding) {
		binding = o.flowKey()
	}
	flow := Flow{
		FlowKeys: FlowKeys{State: o.flowKey(), Verifier: o.flowKey(), Nonce: o.flowKey()},
		Provider: provider,
		Binding:  bindingHash(binding),
		Expires:  clock.WholeSeconds(o.now()).Add(o.life),
	}
	location, err := chosen.AuthorizationURL(ctx, flow.FlowKeys)
	if err != nil {
		return Redirect{}, err
	}
	if err := o.flows.PutFlow(ctx, flow); err != nil {
		return Redirect{}, fmt.Errorf("storing the flow: %w", err)
	}
	return Redirect{Location: location, Binding: binding}, nil
}

// CheckProvider says whether a provider has this name and settings. The error is [UnknownProvider] or ErrProviderNotConfigured.
func (o *OAuth) CheckProvider(provider string) error {
	_, err := o.providers.Provider(provider)
	return err
}

// Callback is what the provider sends the browser back with (RFC 6749 §4.1.2). An absent value is empty.
type Callback struct {
	Code   secret.String
	State  secret.String
	Error  string
	Issuer string // RFC 9207

	Device secret.String // the device cookie, which the browser sends along
}

// Finish ends a flow with a token session. binding is the cookie that the browser sent. It returns the pair and the value of
// the device cookie.
func (o *OAuth) Finish(
	ctx context.Context, provider string, callback Callback, binding secret.String,
) (session.Pair, secret.String, error) {
	chosen, err := o.providers.Provider(provider)
	if err != nil {
		return session.Pair{}, secret.String{}, err
	}
	flow, err := o.spend(ctx, provider, callback.State, binding)
	if err != nil {
		return session.Pair{}, secret.String{}, err
	}
	if callback.Error != "" {
		return session.Pair{}, secret.String{}, ErrOAuthFailed.Because(errors.New("the provider sent an error"))
	}
	if issuer := chosen.Issuer(); callback.Issuer != "" && issuer != "" && callback.Issuer != issuer {
		return session.Pair{}, secret.String{}, ErrOAuthFailed.Because(errors.New("the callback names another issuer"))
	}
	person, err := chosen.Identify(ctx, callback.Code, flow.FlowKeys)
	if err != nil {
		return session.Pair{}, secret.String{}, err
	}
	person.Provider = provider
	return o.accounts.signIn(ctx, person, callback.Device)
}

// spend takes the flow that a callback belongs to. What cannot be a state or a binding of ours costs no call.
func (o *OAuth) spend(ctx context.Context, provider string, state, binding secret.String) (Flow, error) {
	if !isFlowKey(state) || !isFlowKey(binding) {
		return Flow{}, ErrInvalidOAuthState.Because(errors.New("no state or no binding of ours"))
	}
	presented := Flow{FlowKeys: FlowKeys{State: state}, Provider: provider, Binding: bindingHash(binding)}
	flow, err := o.flows.SpendFlow(ctx, presented, o.now())
	if errors.Is(err, account.ErrNotFound) {
		return Flow{}, ErrInvalidOAuthState.Because(errors.New("the flow is spent, expired, foreign or of another provider"))
	}
	if err != nil {
		return Flow{}, fmt.Errorf("spending the flow: %w", err)
	}
	return flow, nil
}

const flowKeySize = 32

// flowKey makes a key in the form that PKCE wants of a verifier (RFC 7636 §4.1).
func (o *OAuth) flowKey() secret.String {
	raw := random.Bytes(o.random, flowKeySize)
	return secret.New(base64.RawURLEncoding.EncodeToString(raw))
}

// isFlowKey says whether text has the one form that flowKey writes.
func isFlowKey(text secret.String) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text.Reveal())
	return err == nil && len(raw) == flowKeySize && len(text.Reveal()) == base64.RawURLEncoding.EncodedLen(flowKeySize)
}

func bindingHash(binding secret.String) []byte {
	sum := sha256.Sum256([]byte(binding.Reveal()))
	return sum[:]
}
