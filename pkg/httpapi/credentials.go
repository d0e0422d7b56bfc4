package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

type authenticator interface {
	Authenticate(ctx context.Context, credentials session.Credentials) (session.Authentication, error)
}

// Door is what the endpoints share that look at credentials: how cookies are written, and which pages may send them.
type Door struct {
	cookies Cookies // of sessions
	devices Cookies
	origins Origins
}

// NewDoor returns a Door.
func NewDoor(sessions, devices Cookies, origins Origins) Door {
	return Door{cookies: sessions, devices: devices, origins: origins}
}

// credentials reads what a request carries to show who makes it. An unsafe request with a session cookie that a page of
// another origin sent is refused.
func (d Door) credentials(r *http.Request) (session.Credentials, error) {
	credentials := session.Credentials{Access: bearerToken(r), Cookie: d.cookies.read(r)}
	if credentials.Cookie.IsZero() {
		return credentials, nil
	}
	return credentials, d.origins.check(r)
}

// authenticate returns who makes the request. It clears a cookie that is dead and sends one again that was renewed.
func (d Door) authenticate(w http.ResponseWriter, r *http.Request, rules authenticator) (session.Authentication, error) {
	credentials, err := d.credentials(r)
	if err != nil {
		return session.Authentication{}, err
	}
	identity, err := rules.Authenticate(r.Context(), credentials)
	switch {
	case errors.Is(err, session.ErrAuthenticationRequired) && !credentials.Cookie.IsZero(), identity.Cookie == session.CookieDead:
		d.cookies.clear(w)
	case identity.Cookie == session.CookieRenewed:
		d.cookies.set(w, credentials.Cookie)
	}
	return identity, err
}

// authenticated makes an endpoint that needs a credential. It is checked before the body: 401 beats 400.
func (d Door) authenticated(rules authenticator, next func(http.ResponseWriter, *http.Request, session.Principal) error) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		identity, err := d.authenticate(w, r, rules)
		if err != nil {
			return err
		}
		return next(w, r, identity.Principal)
	}
}

// bearerToken reads the Authorization header (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
func bearerToken(r *http.Request) secret.String {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return secret.String{}
	}
	return secret.New(strings.TrimLeft(token, " "))
}
