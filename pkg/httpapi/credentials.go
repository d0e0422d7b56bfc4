package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"latchkey/pkg/contract"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// credentials reads what a request carries to authenticate its caller. The error refuses a request that a page of another
// origin sent: an unsafe one with a session cookie, or any to an endpoint that sets one.
func (s *Server) credentials(r *http.Request, e Endpoint) (session.Credentials, error) {
	if e.Auth == contract.Ignored {
		return session.Credentials{}, nil
	}
	credentials := session.Credentials{Access: bearerToken(r), Cookie: s.cookies.Session.read(r)}
	if credentials.Cookie.IsZero() && !e.ownOrigins {
		return credentials, nil
	}
	return credentials, s.origins.check(r)
}

// authenticate returns the caller of a request. It clears a cookie that is dead and sends one again that was renewed.
func (s *Server) authenticate(
	w http.ResponseWriter, r *http.Request, credentials session.Credentials, resolution session.Resolution,
) (session.Principal, error) {
	caller, err := s.sessions.Admit(r.Context(), resolution)
	switch {
	case errors.Is(err, session.ErrAuthenticationRequired) && !credentials.Cookie.IsZero(), caller.Cookie == session.CookieDead:
		s.cookies.write(w, ClearSession)
	case caller.Cookie == session.CookieRenewed:
		s.cookies.write(w, SetSession(credentials.Cookie))
	}
	return caller.Principal, err
}

// bearerToken reads the Authorization header (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
func bearerToken(r *http.Request) secret.String {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return secret.String{}
	}
	return secret.New(strings.TrimLeft(token, " "))
}
