package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// Reader reads what decides whether sessions count.
type Reader interface {
	// ReadSessions returns the named sessions that exist, each with its user, read consistently in one call. A session or
	// user that does not exist is left out; a reference given twice is read once.
	ReadSessions(ctx context.Context, sessions []Ref) (map[Ref]Principal, error)
}

// Store is what resolving credentials needs of the store.
type Store interface {
	Reader
	renewalStore
}

// accessVerifier checks access tokens without any call.
type accessVerifier interface {
	// VerifyAccess returns the claims of a token that this authority signed and that has not expired at now.
	VerifyAccess(token string, now time.Time) (AccessClaims, error)
}

// Ref names a session.
type Ref struct {
	User    id.ID
	Session id.ID
}

// Principal is the authenticated caller of a request: a session and its user.
type Principal struct {
	User    account.User
	Session Session
}

// Credentials are what a request carries to authenticate its caller. An absent one is empty.
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
	CookieRenewed                    // it opens a live session that this request has renewed
)

// Authentication is the result of authenticating a request: its caller, and what became of its cookie.
type Authentication struct {
	Principal
	Cookie CookieState
}

// Authenticator resolves credentials to the sessions that they open.
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

// Candidates is the sessions that the credentials of a request name, in the order in which they take precedence, as far as
// they verify without a call.
type Candidates struct {
	sessions []candidate
	refusal  error // why none of them would count
}

// candidate is a session that a credential names, and a check that the session is one that such a credential opens.
type candidate struct {
	ref   Ref
	opens func(Session) bool
}

func byToken(session Session) bool { return session.Kind == KindTokens }

// errNotLive is why credentials that verify do not count.
var errNotLive = errors.New("the session has ended")

// Candidates returns the sessions that the credentials name. It makes no call.
func (a *Authenticator) Candidates(credentials Credentials) Candidates {
	p := Candidates{refusal: errors.New("no credential")}
	if !credentials.Access.IsZero() {
		claims, err := a.tokens.VerifyAccess(credentials.Access.Reveal(), a.now())
		p.add(Ref{User: claims.Subject, Session: claims.Session}, byToken, err)
	}
	if !credentials.Cookie.IsZero() {
		ref, key, err := openCookie(credentials.Cookie)
		p.add(ref, func(session Session) bool { return session.opens(key) }, err)
	}
	if len(p.sessions) > 0 {
		p.refusal = errNotLive
	}
	return p
}

// add notes the session that a credential names, or why the credential does not verify.
func (p *Candidates) add(ref Ref, opens func(Session) bool, err error) {
	p.refusal = err
	if err == nil {
		p.sessions = append(p.sessions, candidate{ref, opens})
	}
}

// Refs names the sessions, in their order.
func (p Candidates) Refs() []Ref {
	refs := make([]Ref, len(p.sessions))
	for i, each := range p.sessions {
		refs[i] = each.ref
	}
	return refs
}

// Live returns the principals of those of the sessions found that the presentation opens and that count now, in its order. A
// session that is presented twice counts once.
func (a *Authenticator) Live(p Candidates, found map[Ref]Principal) []Principal {
	now, rest := a.now(), maps.Clone(found)
	var live []Principal
	for _, each := range p.sessions {
		principal, exists := rest[each.ref]
		if exists && each.opens(principal.Session) && principal.Session.Live(principal.User, now) {
			live = append(live, principal)
			delete(rest, each.ref)
		}
	}
	return live
}

// Resolution is what the store holds for the credentials of one request. It is read once and passed on, so that the rate
// limiter and the endpoint share one call.
type Resolution struct {
	presentation Candidates
	sentCookie   secret.String
	read         []Ref // the sessions that were looked up, whether or not they exist
	found        map[Ref]Principal
	live         []Principal
}

// Live returns the principals whose live sessions the credentials open, in the order in which they take precedence.
func (r Resolution) Live() []Principal { return r.live }

// Resolve reads the sessions that the credentials name. Credentials that do not verify cost no call. It changes nothing and
// renews no cookie. An error says that the store did not respond.
func (a *Authenticator) Resolve(ctx context.Context, credentials Credentials) (Resolution, error) {
	return a.read(ctx, Resolution{presentation: a.Candidates(credentials), sentCookie: credentials.Cookie})
}

// read reads the sessions of the resolution's presentation that were not read before.
func (a *Authenticator) read(ctx context.Context, r Resolution) (Resolution, error) {
	missing := slices.DeleteFunc(r.presentation.Refs(), func(ref Ref) bool { return slices.Contains(r.read, ref) })
	if len(missing) > 0 {
		found, err := a.store.ReadSessions(ctx, missing)
		if err != nil {
			return Resolution{}, fmt.Errorf("reading the session: %w", err)
		}
		maps.Copy(found, r.found)
		r.found, r.read = found, append(missing, r.read...)
	}
	r.live = a.Live(r.presentation, r.found)
	return r, nil
}

// Admit returns the caller that a resolution authenticates: the access token's user if it belongs to a live session, else the
// cookie's. If neither does, whatever the reason, the error is ErrAuthenticationRequired. A cookie session that is used is
// renewed when that is due.
func (a *Authenticator) Admit(ctx context.Context, r Resolution) (Authentication, error) {
	if len(r.live) == 0 {
		return Authentication{}, ErrAuthenticationRequired.Because(r.presentation.refusal)
	}
	caller := Authentication{Principal: r.live[0], Cookie: r.cookieState()}
	reqlog.User(ctx, caller.User.ID)
	if caller.Session.Kind == KindCookie && a.cookies.renew(ctx, a.store, caller.Session) {
		caller.Cookie = CookieRenewed
	}
	return caller, nil
}

func (r Resolution) cookieState() CookieState {
	if r.sentCookie.IsZero() {
		return CookieAbsent
	}
	if slices.ContainsFunc(r.live, func(p Principal) bool { return p.Session.Kind == KindCookie }) {
		return CookieLive
	}
	return CookieDead
}
