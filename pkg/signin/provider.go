package signin

import (
	"context"

	"latchkey/pkg/secret"
)

// IdentityProvider identifies the persons that have an account with it.
type IdentityProvider interface {
	// AuthorizationURL returns the URL to which the browser is redirected. It fails with ErrOAuthProviderFailed.
	AuthorizationURL(ctx context.Context, keys FlowKeys) (string, error)
	// Identify exchanges the code for the profile of the person. The caller sets the Provider of the profile. It fails with
	// ErrOAuthFailed if the provider refuses or its response does not verify, and with ErrOAuthProviderFailed if the provider
	// returns no usable response in time.
	Identify(ctx context.Context, code secret.String, keys FlowKeys) (Profile, error)
	// Issuer returns the name that the provider adds to its callbacks (RFC 9207), or empty if it adds none.
	Issuer() string
}

// IdentityProviders finds providers by name.
type IdentityProviders interface {
	// Provider returns the provider with the name. It makes no call. It fails with an [UnknownProvider] or with
	// ErrProviderNotConfigured.
	Provider(name string) (IdentityProvider, error)
}
