package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// Reader reads what decides whether sessions count.
type Reader interface {
	// ReadSessions returns those of the sessions that are there, each with its user, read consistently in one call.
	// A session or user that is missing is left out; doubled references are read once.
	ReadSessions(ctx context.Context, sessions []Ref) (map[Ref]Principal, error)
}

// Store is what resolving credentials needs of the store.
type Store interface {
	Reader
	RenewalStore
}

// accessVerifier checks access tokens without a call to anything.
type accessVerifier interface {
	// VerifyAccess returns the claims of a token that this authority signed and that has not expired at now.
	VerifyAccess(token string, now time.Time) (AccessClaims, error)
}

// Ref names a session.
type Ref struct {
	User    id.ID
	Session id.ID
}

// Principal is who makes a request: a session and its user.
type Principal struct {
	User    account.User
	Session Session
}

// Credentials are what a request carries to show who makes it. An absent one is empty.
type Credentials struct {
	Access secret.String // an access token (RFC 6750)
	Cookie secret.String // the value of the session cookie
}

// CookieState is what became of the session cookie of a request.
type CookieState int

// The states of a cookie.
const (
	CookieAbsent  CookieState = iota // none was sent
	CookieDead                       // it opens no live session, and never will again
	CookieLive                       // it opens a live session
	CookieRenewed                    // it does, and that session has just been continued
)

// Authentication is who makes a request, and what became of its cookie.
type Authentication struct {
	Principal
	Cookie CookieState
}

// Authenticator resolves credentials to who presents them.
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

// Authenticate returns who presents the credentials: the access token's user if it belongs to a live session, else the
// cookie's. If neither does, whatever the reason, the answer is ErrAuthenticationRequired; a store that does not answer
// is not. A cookie session that is used is continued.
func (a *Authenticator) Authenticate(ctx context.Context, credentials Credentials) (Authentication, error) {
	shown, refusal := a.Present(credentials)
	live, err := a.live(ctx, shown)
	if err != nil {
		return Authentication{}, err
	}
	if len(live) == 0 {
		return Authentication{}, ErrAuthenticationRequired.Because(refusal)
	}
	identity := Authentication{Principal: live[0], Cookie: cookieState(credentials, live)}
	if identity.Session.Kind == KindCookie && a.cookies.renew(ctx, a.store, identity.Session) {
		identity.Cookie = CookieRenewed
	}
	return identity, nil
}

func cookieState(credentials Credentials, live []Principal) CookieState {
	if credentials.Cookie.IsZero() {
		return CookieAbsent
	}
	for _, caller := range live {
		if caller.Session.Kind == KindCookie {
			return CookieLive
		}
	}
	return CookieDead
}

// Presented is a session that a credential names, and whether the session is one that such a credential opens.
type Presented struct {
	ref   Ref
	opens func(Session) bool
}

func byToken(session Session) bool { return session.Kind == KindTokens }

// errNotLive is why credentials that verify do not count.
var errNotLive = errors.New("the session has ended")

// Present returns the sessions that the credentials name, in their order, as far as they verify without a call, and why none
// of them would count.
func (a *Authenticator) Present(credentials Credentials) ([]Presented, error) {
	var all []Presented
	refusal := errors.New("no credential")
	if !credentials.Access.IsZero() {
		claims, err := a.tokens.VerifyAccess(credentials.Access.Reveal(), a.now())
		if err == nil {
			all = append(all, Presented{Ref{User: claims.Subject, Session: claims.Session}, byToken})
		}
		refusal = err
	}
	if !credentials.Cookie.IsZero() {
		ref, key, err := openCookie(credentials.Cookie)
		if err == nil {
			all = append(all, Presented{ref, func(session Session) bool { return session.opens(key) }})
		}
		refusal = err
	}
	if len(all) > 0 {
		refusal = errNotLive
	}
	return all, refusal
}

// live returns the callers whose sessions are opened and count now, in the order shown. It makes no call for none.
func (a *Authenticator) live(ctx context.Context, all []Presented) ([]Principal, error) {
	if len(all) == 0 {
		return nil, nil
	}
	found, err := a.read(ctx, RefsOf(all))
	if err != nil {
		return nil, fmt.Errorf("reading the session: %w", err)
	}
	live := a.Counting(all, found)
	if len(live) > 0 {
		reqlog.User(ctx, live[0].User.ID)
	}
	return live, nil
}

func RefsOf(all []Presented) []Ref {
	refs := make([]Ref, len(all))
	for i, each := range all {
		refs[i] = each.ref
	}
	return refs
}

// Counting returns those of the sessions found that are opened and count now, in the order shown.
func (a *Authenticator) Counting(all []Presented, found map[Ref]Principal) []Principal {
	now := a.now()
	var counting []Principal
	for _, each := range all {
		caller, there := found[each.ref]
		if there && each.opens(caller.Session) && caller.Session.Live(caller.User, now) {
			counting = append(counting, caller)
			delete(found, each.ref) // what is shown twice counts once
		}
	}
	return counting
}
