package session

import (
	"errors"
	"maps"
	"time"

	"latchkey/pkg/secret"
)

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
