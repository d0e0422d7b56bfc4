package httpapi

import (
	"context"
	"net/http"
	"strings"

	"latchkey/pkg/auth"
	"latchkey/pkg/secret"
)

type authenticator interface {
	Authenticate(ctx context.Context, credentials auth.Credentials) (auth.Caller, error)
}

// authenticated makes an endpoint that needs a credential. It is checked before the body: 401 beats 400.
func authenticated(rules authenticator, next func(http.ResponseWriter, *http.Request, auth.Caller) error) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller, err := rules.Authenticate(r.Context(), credentials(r))
		if err != nil {
			return err
		}
		return next(w, r, caller)
	}
}

// credentials reads what a request carries to show who makes it.
func credentials(r *http.Request) auth.Credentials {
	return auth.Credentials{Access: bearerToken(r)}
}

// bearerToken reads the Authorization header (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
func bearerToken(r *http.Request) secret.String {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return secret.String{}
	}
	return secret.New(strings.TrimLeft(token, " "))
}
