package app

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"latchkey/pkg/clock"
	"latchkey/pkg/config"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// NewProviders returns the configured providers. It gets access to Systems Manager, where their secrets are stored. The mains of
// the two functions pass it, so that no other function links the code that calls providers.
type NewProviders func(
	config.Config, func(ctx context.Context, parameter string) (secret.String, error), clock.Clock,
) signin.IdentityProviders

// OAuthStart is functions/oauth-start.
func OAuthStart(newProviders NewProviders) Function {
	return func(p *Parts) http.Handler {
		p.rehearse(func(*rehearsalData) sample { return sample{segment: rehearsalProvider, status: http.StatusFound} })
		return p.serve(oauthStart(p.oauth(newProviders)))
	}
}

// OAuthCallback is functions/oauth-callback.
func OAuthCallback(newProviders NewProviders) Function {
	return func(p *Parts) http.Handler {
		p.rehearse(deniedSample)
		return p.serve(oauthCallback(p.oauth(newProviders)))
	}
}

// deniedSample is the callback of a user who denied the sign-in. Any other callback would call the provider.
func deniedSample(w *rehearsalData) sample {
	state, binding := w.flow()
	return sample{
		segment: rehearsalProvider, query: "error=access_denied&state=" + state, cookies: []string{binding},
		status: http.StatusForbidden, code: signin.ErrOAuthFailed.Code,
	}
}

type oauthStarter interface {
	Start(ctx context.Context, provider string, binding secret.String) (signin.Redirect, error)
}

// oauthStart binds the flow to this browser and sends the browser to the provider.
func oauthStart(rules oauthStarter) httpapi.Endpoint {
	return httpapi.JSON(contract.OAuthStart, func(ctx context.Context, req call[unread]) (result[struct{}], error) {
		started, err := rules.Start(ctx, req.PathValue("provider"), req.Binding)
		if err != nil {
			return result[struct{}]{}, err
		}
		return result[struct{}]{
			Location: started.Location, Cookies: []httpapi.Cookie{httpapi.SetBinding(started.Binding)},
		}, nil
	})
}

type oauthFinisher interface {
	// CheckProvider returns an error unless a provider with this name is configured.
	CheckProvider(provider string) error
	// Finish also returns the value of the device cookie.
	Finish(ctx context.Context, provider string, callback signin.Callback, binding secret.String) (session.Pair, secret.String, error)
}

// oauthCallback finishes the flow when the provider redirects the browser back.
func oauthCallback(rules oauthFinisher) httpapi.Endpoint {
	return httpapi.JSON(contract.OAuthCallback, func(ctx context.Context, req call[unread]) (result[tokensBody], error) {
		provider := req.PathValue("provider")
		if err := rules.CheckProvider(provider); err != nil {
			return result[tokensBody]{}, err
		}
		callback, err := readCallback(req)
		if err != nil {
			return result[tokensBody]{}, err
		}
		pair, device, err := rules.Finish(ctx, provider, callback, req.Binding)
		if err != nil {
			return result[tokensBody]{}, err
		}
		return tokens(http.StatusOK, pair, httpapi.SetDevice(device)), nil
	})
}

// readCallback reads the parameters that a provider adds to the URL (RFC 6749 §4.1.2). A repeated parameter is refused (§3.1), and
// an empty one counts as absent.
func readCallback(req call[unread]) (signin.Callback, error) {
	query, err := req.Query()
	if err != nil {
		return signin.Callback{}, err
	}
	faults := repeated(query)
	callback := signin.Callback{
		Code:   secret.New(query.Get("code")),
		State:  secret.New(query.Get("state")),
		Error:  query.Get("error"),
		Issuer: query.Get("iss"),
		Device: req.Device,
	}
	if callback.Code.IsZero() && callback.Error == "" {
		faults = append(faults, fault.Field{Key: "code", Message: "is required"})
	}
	if len(faults) > 0 {
		return signin.Callback{}, fault.Validation(faults...)
	}
	return callback, nil
}

func repeated(query url.Values) []fault.Field {
	var faults []fault.Field
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if len(query[name]) > 1 {
			faults = append(faults, fault.Field{Key: name, Message: "stands more than once"})
		}
	}
	return faults
}
