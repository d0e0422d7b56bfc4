package httpapi

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

type oauthStarter interface {
	Start(ctx context.Context, provider string, binding secret.String) (signin.Started, error)
}

// OAuthStart is GET /api/auth/oauth/{provider}: it binds the flow to this browser and sends it to the provider.
func OAuthStart(bindings Cookies, rules oauthStarter) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		started, err := rules.Start(r.Context(), r.PathValue("provider"), bindings.read(r))
		if err != nil {
			return err
		}
		bindings.set(w, started.Binding)
		w.Header().Set("Location", started.Location)
		w.WriteHeader(http.StatusFound)
		return nil
	}
}

type oauthFinisher interface {
	// Known says whether a provider has this name and settings; the error is the answer if not.
	Known(provider string) error
	// Finish returns the value of the device cookie too.
	Finish(ctx context.Context, provider string, callback signin.Callback, binding secret.String) (session.Pair, secret.String, error)
}

// OAuthCallback is GET /api/auth/oauth/{provider}/callback, where the provider sends the browser back to.
func OAuthCallback(bindings, devices Cookies, rules oauthFinisher) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		provider := r.PathValue("provider")
		if err := rules.Known(provider); err != nil {
			return err
		}
		callback, err := readCallback(r)
		if err != nil {
			return err
		}
		callback.Device = devices.read(r)
		pair, device, err := rules.Finish(r.Context(), provider, callback, bindings.read(r))
		if err != nil {
			return err
		}
		devices.set(w, device)
		writeJSON(w, http.StatusOK, newTokensBody(pair))
		return nil
	}
}

// readCallback reads the answer of a provider (RFC 6749 §4.1.2). A parameter that stands twice is refused (§3.1), and an
// empty one is absent.
func readCallback(r *http.Request) (signin.Callback, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return signin.Callback{}, errMalformedQuery // without the cause, which quotes the query
	}
	var faults []fault.Field
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if len(query[name]) > 1 {
			faults = append(faults, fault.Field{Key: name, Message: "stands more than once"})
		}
	}
	callback := signin.Callback{
		Code:   secret.New(query.Get("code")),
		State:  secret.New(query.Get("state")),
		Error:  query.Get("error"),
		Issuer: query.Get("iss"),
	}
	if callback.Code.IsZero() && callback.Error == "" {
		faults = append(faults, fault.Field{Key: "code", Message: "is required"})
	}
	if len(faults) > 0 {
		return signin.Callback{}, fault.Validation(faults...)
	}
	return callback, nil
}
