package signin

import (
	"strings"

	"latchkey/pkg/fault"
)

const oauthFailed = "OAuth authentication failed"

// The refusals of a sign-in by a provider.
var (
	// ErrInvalidOAuthState is the single response to a state that cannot be used, for any reason.
	ErrInvalidOAuthState = &fault.Fault{Kind: fault.Refused, Code: "invalid_oauth_state", Detail: "Invalid OAuth state"}
	// ErrOAuthFailed reports that the provider refused, or that its response cannot be trusted.
	ErrOAuthFailed = &fault.Fault{Kind: fault.Refused, Code: "oauth_failed", Detail: oauthFailed}
	// ErrOAuthEmailRequired reports that the provider has no verified address of a person who has no account yet.
	ErrOAuthEmailRequired = &fault.Fault{Kind: fault.Refused, Code: "oauth_email_required", Detail: oauthFailed}
	// ErrOAuthProviderFailed reports that the provider is unavailable, too slow, or returns an unusable response.
	ErrOAuthProviderFailed = &fault.Fault{Kind: fault.Upstream, Code: "oauth_provider_failed", Detail: oauthFailed}
	// ErrProviderNotConfigured reports that a known provider has no settings.
	ErrProviderNotConfigured = &fault.Fault{
		Kind: fault.NotFound, Code: "provider_not_configured", Detail: "OAuth provider not configured",
	}
)

// UnknownProvider returns the refusal for a name that is no provider's.
func UnknownProvider(name string) *fault.Fault {
	return &fault.Fault{
		Kind: fault.Refused, Code: "unknown_provider", Detail: "Unknown OAuth provider: " + strings.ToValidUTF8(name, "\uFFFD"),
	}
}
