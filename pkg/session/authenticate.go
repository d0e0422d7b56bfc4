package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"latchkey/pkg/clock"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// Store is the part of the store that authenticates requests.
type Store interface {
	// ReadSessions returns the sessions that exist, each with its user, in one consistent read. It omits a session that does
	// not exist or that has no user, and reads a repeated reference once.
	ReadSessions(ctx context.Context, sessions []Ref) (map[Ref]Principal, error)
	// RenewSession makes the renewal if the session exists, has the epoch and the last renewal that the renewal names, and
	// has not ended. Otherwise it returns a *StaleError. If the store finds that this call's own write is already done, it
	// returns nil.
	RenewSession(ctx context.Context, renewal Renewal) error
}

// CookieState describes the session cookie of a request after authentication.
type CookieState int

// The states of a cookie.
const (
	CookieAbsent  CookieState = iota // the request had no cookie
	CookieDead                       // the cookie has no live session, and never will again
	CookieLive                       // the cookie has a live session
	CookieRenewed                    // the cookie has a live session, which this request has renewed
)

// Authentication is the result of authenticating a request.
type Authentication struct {
	Principal
	Cookie CookieState
}

// Authenticator finds the sessions that the credentials of a request belong to.
type Authenticator struct {
	store   Store
	tokens  accessVerifier
	cookies *Cookies
	now     clock.Clock
}

// NewAuthenticator returns an Authenticator.
func NewAuthenticator(store Store, tokens accessVerifier, cookies *Cookies, now clock.Clock) *Authenticator {
	return &Authenticator{store: store, tokens: tokens, cookies: cookies, now: now}
}

// Resolution holds what the store has for the credentials of one request. It is read once and passed on, so the rate limiter
// and the endpoint share one call.
type Resolution struct {
	candidates Candidates
	cookie     secret.String     // as the request sent it
	read       []Ref             // the sessions that were looked up, whether or not they exist
	stored     map[Ref]Principal // the sessions that exist
	live       []Principal
}

// Live returns the principals of the live sessions that the credentials belong to, in order of precedence.
func (r Resolution) Live() []Principal { return r.live }

// Resolve reads the sessions that the credentials name. It makes no call for credentials that do not verify, and it changes
// nothing. It returns an error only if the store fails.
func (a *Authenticator) Resolve(ctx context.Context, credentials Credentials) (Resolution, error) {
	return a.read(ctx, Resolution{candidates: a.Candidates(credentials), cookie: credentials.Cookie})
}

// read completes the resolution with those of its candidates that have not been read yet.
func (a *Authenticator) read(ctx context.Context, r Resolution) (Resolution, error) {
	missing := slices.DeleteFunc(r.candidates.Refs(), func(ref Ref) bool { return slices.Contains(r.read, ref) })
	if len(missing) > 0 {
		stored, err := a.store.ReadSessions(ctx, missing)
		if err != nil {
			return Resolution{}, fmt.Errorf("reading the session: %w", err)
		}
		maps.Copy(stored, r.stored)
		r.stored, r.read = stored, append(missing, r.read...)
	}
	r.live = a.Live(r.candidates, r.stored)
	return r, nil
}

// Admit returns the principal of the request: the user of the access token if it belongs to a live session, and otherwise
// the user of the cookie. If neither is valid, it returns ErrAuthenticationRequired, for any reason. It renews the cookie
// session of the principal if that is due.
func (a *Authenticator) Admit(ctx context.Context, r Resolution) (Authentication, error) {
	if len(r.live) == 0 {
		return Authentication{}, ErrAuthenticationRequired.Because(r.candidates.refusal)
	}
	authentication := Authentication{Principal: r.live[0], Cookie: r.cookieState()}
	reqlog.User(ctx, authentication.User.ID)
	if authentication.Session.Kind == KindCookie && a.cookies.renew(ctx, a.store, authentication.Session) {
		authentication.Cookie = CookieRenewed
	}
	return authentication, nil
}

func (r Resolution) cookieState() CookieState {
	if r.cookie.IsZero() {
		return CookieAbsent
	}
	if slices.ContainsFunc(r.live, func(p Principal) bool { return p.Session.Kind == KindCookie }) {
		return CookieLive
	}
	return CookieDead
}

// Credentials holds the credentials of a request. An absent one is empty.
type Credentials struct {
	Access secret.String // an access token (RFC 6750)
	Cookie secret.String // the value of the session cookie
}

// Candidates holds the sessions that the credentials of a request name, in order of precedence. The credentials verify, but
// the sessions may have ended.
type Candidates struct {
	sessions []candidate
	refusal  error // the cause for the log if none of the sessions is live
}

// candidate is a session that a credential names.
type candidate struct {
	ref Ref
	// matches reports whether the stored session is one that the credential opens.
	matches func(Session) bool
}

func hasTokens(session Session) bool { return session.Kind == KindTokens }

// accessVerifier verifies access tokens without a call to a store.
type accessVerifier interface {
	// VerifyAccess returns the claims of a token that this authority signed and that has not expired at now.
	VerifyAccess(token string, now time.Time) (AccessClaims, error)
}

// Candidates returns the sessions that the credentials name. It makes no call to the store.
func (a *Authenticator) Candidates(credentials Credentials) Candidates {
	c := Candidates{refusal: errors.New("no credential")}
	if !credentials.Access.IsZero() {
		claims, err := a.tokens.VerifyAccess(credentials.Access.Reveal(), a.now())
		c.add(Ref{User: claims.Subject, Session: claims.Session}, hasTokens, err)
	}
	if !credentials.Cookie.IsZero() {
		ref, key, err := openCookie(credentials.Cookie)
		c.add(ref, func(session Session) bool { return session.hasSecret(key) }, err)
	}
	if len(c.sessions) > 0 {
		c.refusal = errEnded
	}
	return c
}

// add records the session that a credential names, or the reason why the credential does not verify.
func (c *Candidates) add(ref Ref, matches func(Session) bool, err error) {
	c.refusal = err
	if err == nil {
		c.sessions = append(c.sessions, candidate{ref, matches})
	}
}

// Refs returns the references to the sessions, in order of precedence.
func (c Candidates) Refs() []Ref {
	refs := make([]Ref, len(c.sessions))
	for i, each := range c.sessions {
		refs[i] = each.ref
	}
	return refs
}

// Live returns the principals of those candidates that are live now, in order of precedence. stored holds the sessions that
// the store has for the references of the candidates. A session that two credentials name is returned once.
func (a *Authenticator) Live(candidates Candidates, stored map[Ref]Principal) []Principal {
	now, rest := a.now(), maps.Clone(stored)
	var live []Principal
	for _, each := range candidates.sessions {
		principal, exists := rest[each.ref]
		if exists && each.matches(principal.Session) && principal.Session.Live(principal.User, now) {
			live = append(live, principal)
			delete(rest, each.ref)
		}
	}
	return live
}
