package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/limit"
	"latchkey/pkg/pages"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Call is one request to an endpoint, as data: its decoded body, its credentials and its caller.
type Call[Req any] struct {
	Body Req

	Credentials session.Credentials // as presented; empty where the endpoint ignores them
	Sessions    session.Resolution  // of the credentials; resolved only where the Auth of the endpoint requires it before the rule
	Principal   session.Principal   // the caller, where the endpoint requires one

	Source  string        // the source that the request counts for
	Device  secret.String // the value of the device cookie
	Binding secret.String // the value of the cookie that binds sign-ins at a provider to the browser

	request *http.Request
}

// PathValue returns the segment of the path at the variable with that name.
func (c Call[Req]) PathValue(name string) string { return c.request.PathValue(name) }

// LinkToken returns the token in the path of a mailed link.
func (c Call[Req]) LinkToken() secret.String { return secret.New(c.PathValue("token")) }

// Query returns the query of the URL. For a malformed query it returns a [fault.Invalid] that does not quote the query.
func (c Call[Req]) Query() (url.Values, error) {
	query, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil {
		return nil, errMalformedQuery
	}
	return query, nil
}

// Result is the response of an endpoint, as data.
type Result[Res any] struct {
	Status   int // zero is 200
	Body     Res
	Location string        // of a [contract.Redirect]
	MaxAge   time.Duration // how long clients and proxies may cache the response; zero forbids it

	// Cookies to set or clear, and the standing of a count that the rule took a permit of. They are also written with the response
	// to an error.
	Cookies  []Cookie
	Standing limit.Standing
}

// Rule decides about a call. It is the part of an endpoint that is not HTTP.
type Rule[Req, Res any] func(ctx context.Context, call Call[Req]) (Result[Res], error)

// Endpoint is a row of the contract's table with its rule.
type Endpoint struct {
	contract.Endpoint
	serve      func(s *Server, e Endpoint, w http.ResponseWriter, r *http.Request) error
	ownOrigins bool
}

// FromOwnOrigins returns the endpoint restricted to pages of the allowed origins, even for requests without a session cookie. An
// endpoint that sets a cookie needs this, so that a page of another site cannot sign its visitors in or exchange their device.
func (e Endpoint) FromOwnOrigins() Endpoint {
	e.ownOrigins = true
	return e
}

// JSON returns an endpoint whose request and response are JSON objects, or whose response is a redirect.
func JSON[Req Body, Res any](row contract.Endpoint, rule Rule[Req, Res]) Endpoint {
	return bind(row, jsonDecoder[Req](), rule, func(_ *Server, w http.ResponseWriter, result Result[Res]) {
		if row.Serves == contract.Redirect {
			w.Header().Set("Location", result.Location)
			w.WriteHeader(http.StatusFound)
			return
		}
		setCacheable(w.Header(), result.MaxAge)
		writeJSON(w, result.status(), result.Body)
	})
}

// Page returns an endpoint that takes no body and responds with a page.
func Page(row contract.Endpoint, rule Rule[Unread, pages.Page]) Endpoint {
	return bind(row, readNothing, rule, writePage)
}

// PageForm returns an endpoint that takes a form of our own page and responds with a page. Browsers send forms to other sites without
// asking, so it refuses those of other origins.
func PageForm(row contract.Endpoint, rule Rule[url.Values, pages.Page]) Endpoint {
	return bind(row, readForm, rule, writePage).FromOwnOrigins()
}

// setCacheable lets clients and proxies cache a response that is the same for all callers.
func setCacheable(header http.Header, maxAge time.Duration) {
	if maxAge > 0 {
		header.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(maxAge/time.Second)))
	}
}

func writePage(s *Server, w http.ResponseWriter, result Result[pages.Page]) {
	s.pages.write(w, result.status(), result.Body)
}

func (r Result[Res]) status() int {
	if r.Status == 0 {
		return http.StatusOK
	}
	return r.Status
}

// bind combines the three parts of an endpoint: the decoder of the body, the rule, and the writer of the result.
func bind[Req, Res any](
	row contract.Endpoint, decode func(*http.Request) (Req, error), rule Rule[Req, Res], write func(*Server, http.ResponseWriter, Result[Res]),
) Endpoint {
	return Endpoint{Endpoint: row, serve: func(s *Server, e Endpoint, w http.ResponseWriter, r *http.Request) error {
		body, misfit := decode(r)
		call := Call[Req]{
			Body: body, Source: s.limits.sources.of(r), Device: s.cookies.Device.read(r), Binding: s.cookies.Binding.read(r), request: r,
		}
		admitted, err := s.admit(w, r, e, call.Source, body, misfit)
		if err != nil {
			return err
		}
		call.Credentials, call.Sessions, call.Principal = admitted.credentials, admitted.sessions, admitted.principal
		result, err := rule(r.Context(), call)
		for _, cookie := range result.Cookies {
			s.cookies.write(w, cookie)
		}
		if result.Standing.Limit > 0 {
			setStanding(w.Header(), result.Standing)
		}
		if err != nil {
			return err
		}
		write(s, w, result)
		return nil
	}}
}

// admission holds the credentials of an admitted request and the sessions that they open.
type admission struct {
	credentials session.Credentials
	sessions    session.Resolution
	principal   session.Principal
}

// admit decides whether a request reaches its rule, in this order: the rate limit, the origin, the credentials, the body.
// Credentials come before the body, so that 401 takes precedence over 400.
func (s *Server) admit(
	w http.ResponseWriter, r *http.Request, e Endpoint, source string, body any, misfit error,
) (admission, error) {
	credentials, foreign := s.credentials(r, e)
	a := admission{credentials: credentials}
	if foreign == nil && readsSessions(e.Auth) {
		var err error
		if a.sessions, err = s.sessions.Resolve(r.Context(), credentials); err != nil {
			return admission{}, err
		}
	}
	counted := counted{source: source, callers: a.sessions.Live(), body: body, misfit: misfit}
	if err := s.limits.check(r.Context(), w.Header(), e.Endpoint, counted); err != nil {
		return admission{}, err
	}
	if foreign != nil {
		return admission{}, foreign
	}
	if e.Auth == contract.Required || e.Auth == contract.Ending && misfit != nil {
		caller, err := s.authenticate(w, r, credentials, a.sessions)
		if err != nil {
			return admission{}, err
		}
		a.principal = caller
	}
	return a, misfit
}

// readsSessions reports whether the sessions of the credentials are read before the rule runs.
func readsSessions(auth contract.Auth) bool {
	return auth == contract.Offered || auth == contract.Required || auth == contract.Ending
}

// Unread is the body of an endpoint that does not read its body.
type Unread struct{}

// Validate implements [Body].
func (Unread) Validate() []fault.Field { return nil }

func readNothing(*http.Request) (Unread, error) { return Unread{}, nil }

// NoBody is the body of an endpoint that needs none. It may be absent, and any JSON object is ignored.
type NoBody struct{}

// Validate implements [Body].
func (NoBody) Validate() []fault.Field { return nil }

// BodyOptional marks a body that may be absent.
func (NoBody) BodyOptional() {}

// credentials reads the credentials of a request. It returns an error for a request that a page of another origin sent, if the
// request is unsafe and has a session cookie, or if the endpoint sets a cookie.
func (s *Server) credentials(r *http.Request, e Endpoint) (session.Credentials, error) {
	credentials := session.Credentials{Access: bearerToken(r), Cookie: s.cookies.Session.read(r)}
	var foreign error
	if !credentials.Cookie.IsZero() || e.ownOrigins {
		foreign = s.origins.check(r)
	}
	if e.Auth == contract.Ignored {
		return session.Credentials{}, foreign
	}
	return credentials, foreign
}

// authenticate returns the caller of a request. It clears a cookie without a live session, and sets a renewed cookie again.
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
