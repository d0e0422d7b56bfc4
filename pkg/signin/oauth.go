package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// The life of a flow
//
// A sign-in by a provider is the authorization code flow (RFC 6749 §4.1) with PKCE (RFC 7636) and, for providers of OpenID
// Connect, with a nonce (Core 1.0 §3.1.2.1). This file contains the flow. See identity.go for the account that it opens.
//
//	          start                    callback
//	(nothing) ─────▶ open (10 minutes) ────────▶ spent ──▶ tokens, or a refusal
//	                   │   ▲
//	                   └───┘ a callback that does not match
//
// Start stores a flow under the hash of its state. The flow is bound to one provider and, by the hash of a cookie, to one
// browser. All flows of a browser that are open at the same time share the cookie.
//
// A callback spends its flow by one conditional write. The write requires that the flow exists, is not spent, has not expired,
// and belongs to this provider and this browser. Of two concurrent callbacks one goes on. A callback that does not match spends
// nothing, and the provider is not called, because the browser may reach the callback without the cookie before the client that
// has the cookie calls it. The same write refuses a code or an error of another provider than the one that the flow is bound
// to, so one provider cannot impersonate another (RFC 9700 §4.4).
//
// After its flow is spent, a sign-in can still fail: the provider may refuse or be unavailable. A new flow is then needed. No
// account changes before the provider has confirmed the complete identity.

// OAuth signs in by providers.
type OAuth struct {
	providers IdentityProviders
	flows     FlowStore
	accounts  *IdentityLogin
	life      time.Duration // of a flow
	now       clock.Clock
	random    io.Reader
}

// NewOAuth returns an OAuth. life is the lifetime of a flow, in whole seconds. random must be a cryptographic source that cannot
// fail.
func NewOAuth(
	providers IdentityProviders, flows FlowStore, accounts *IdentityLogin, life time.Duration, now clock.Clock, random io.Reader,
) *OAuth {
	return &OAuth{providers: providers, flows: flows, accounts: accounts, life: life, now: now, random: random}
}

// Redirect sends the browser to a provider.
type Redirect struct {
	Location string
	Binding  secret.String // the value of the binding cookie
}

// Start begins a flow. binding is the cookie that the browser sent. If it is valid, the flow uses it, so that flows that are
// open at the same time do not end each other.
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

// CheckProvider returns an [UnknownProvider] or ErrProviderNotConfigured unless the provider exists and has settings.
func (o *OAuth) CheckProvider(provider string) error {
	_, err := o.providers.Provider(provider)
	return err
}

// Callback holds the parameters of a provider's callback (RFC 6749 §4.1.2). An absent one is empty.
type Callback struct {
	Code   secret.String
	State  secret.String
	Error  string
	Issuer string // RFC 9207

	Device secret.String // the device cookie that the browser sent
}

// Finish ends a flow by starting a token session. binding is the cookie that the browser sent. It returns the pair and the value
// of the device cookie.
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

// spend spends the flow of a callback. It makes no call for a state or a binding that does not have the right form.
func (o *OAuth) spend(ctx context.Context, provider string, state, binding secret.String) (Flow, error) {
	if !isFlowKey(state) || !isFlowKey(binding) {
		return Flow{}, ErrInvalidOAuthState.Because(errors.New("the state or the binding is missing or malformed"))
	}
	presented := Flow{FlowKeys: FlowKeys{State: state}, Provider: provider, Binding: bindingHash(binding)}
	flow, err := o.flows.SpendFlow(ctx, presented, o.now())
	if errors.Is(err, account.ErrNotFound) {
		cause := errors.New("the flow is spent, has expired, or belongs to another browser or provider")
		return Flow{}, ErrInvalidOAuthState.Because(cause)
	}
	if err != nil {
		return Flow{}, fmt.Errorf("spending the flow: %w", err)
	}
	return flow, nil
}
