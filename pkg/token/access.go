package token

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"latchkey/pkg/id"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

const (
	// typeAccess is the claim `type`: a JWT that the same keys sign for another use is no access token (RFC 8725 §3.11).
	typeAccess = "access"

	// leeway, in seconds, is how far the clock of the function that signed may be ahead of the one that verifies. It is
	// granted to `iat` alone: a token is never used past its `exp`.
	leeway = 1

	maxTokenID = 64

	// lastSecond is the end of the year 9999, the last that RFC 3339 can write.
	lastSecond = 253402300799
)

// wireClaims is the payload (RFC 7519 §4.1, and `sid`, `type` of our own). `aud` is one string, as we make it. Times are
// integers in seconds: a string, a fraction or an exponent does not decode.
type wireClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	ID       string `json:"jti"`
	Session  string `json:"sid"`
	Type     string `json:"type"`
}

// Authority signs and verifies the access tokens of one issuer for one audience. It is safe for concurrent use, and must not
// be copied.
type Authority struct {
	keys             *KeySet
	issuer, audience string
	verified         memory
}

// NewAuthority returns the authority that writes issuer and audience into `iss` and `aud` and demands them exactly.
func NewAuthority(keys *KeySet, issuer, audience string) *Authority {
	return &Authority{keys: keys, issuer: issuer, audience: audience}
}

// SignAccess makes the access token of claims, cut to whole seconds. Claims that [Authority.VerifyAccess] would refuse
// (no subject, no session, no id, an end that is not after the beginning) are an error of the caller's.
func (a *Authority) SignAccess(claims session.AccessClaims) (secret.String, error) {
	wire := wireClaims{
		Issuer:   a.issuer,
		Subject:  claims.Subject.String(),
		Audience: a.audience,
		Expires:  claims.Expires.Unix(),
		IssuedAt: claims.IssuedAt.Unix(),
		ID:       claims.ID,
		Session:  claims.Session.String(),
		Type:     typeAccess,
	}
	if _, err := a.accept(wire, wire.IssuedAt); err != nil {
		//nolint:errorlint // not wrapped: ErrInvalid is for what a client sends, and this is ours
		return secret.String{}, fmt.Errorf("signing an access token: claims that would be refused: %v", err)
	}
	payload, err := json.Marshal(wire)
	if err != nil {
		return secret.String{}, fmt.Errorf("signing an access token: %w", err)
	}
	raw, err := a.keys.signing.sign(payload)
	if err != nil {
		return secret.String{}, fmt.Errorf("signing an access token: %w", err)
	}
	return secret.New(raw), nil
}

// VerifyAccess reads an access token as of now. Whatever [Authority.SignAccess] did not make, or whose time is over, is
// [ErrInvalid].
//
// The signature comes last, since it costs ten times all else together and more: what is expired, foreign or garbage is refused
// in microseconds. Nothing read before it has any effect unless it holds. A token whose signature has been verified is
// remembered (see memory): when it comes again its claims are checked as ever, its signature is not.
func (a *Authority) VerifyAccess(raw string, now time.Time) (session.AccessClaims, error) {
	token, err := splitCompact(raw)
	if err != nil {
		return session.AccessClaims{}, err
	}
	shown := fingerprintOf(raw)
	if wire, known := a.verified.recall(shown); known {
		return a.accept(wire, now.Unix())
	}
	key, err := a.keys.keyFor(token.header)
	if err != nil {
		return session.AccessClaims{}, err
	}
	payload, ok := decode(token.payload)
	if !ok {
		return session.AccessClaims{}, refusal("the claims are not canonical base64url")
	}
	var wire wireClaims
	if json.Unmarshal(payload, &wire) != nil {
		return session.AccessClaims{}, refusal("the claims are not ours")
	}
	claims, err := a.accept(wire, now.Unix())
	if err != nil {
		return session.AccessClaims{}, err
	}
	if err := key.verify(token); err != nil {
		return session.AccessClaims{}, err
	}
	a.verified.remember(shown, wire)
	return claims, nil
}

// accept checks the claims as of now, in seconds. An absent member is a zero value, and none of the rules takes one.
func (a *Authority) accept(wire wireClaims, now int64) (session.AccessClaims, error) {
	subject, subjectErr := id.Parse(wire.Subject)
	sessionID, sessionErr := id.Parse(wire.Session)
	switch {
	case wire.Type != typeAccess:
		return session.AccessClaims{}, refusal("another type of token")
	case wire.Issuer != a.issuer:
		return session.AccessClaims{}, refusal("another issuer")
	case wire.Audience != a.audience:
		return session.AccessClaims{}, refusal("another audience")
	case wire.IssuedAt <= 0 || wire.Expires <= wire.IssuedAt || wire.Expires > lastSecond:
		return session.AccessClaims{}, refusal("the times make no sense")
	case wire.Expires <= now:
		return session.AccessClaims{}, refusal("expired")
	case wire.IssuedAt > now+leeway:
		return session.AccessClaims{}, refusal("issued in the future")
	case wire.ID == "" || len(wire.ID) > maxTokenID:
		return session.AccessClaims{}, refusal("no proper jti")
	case subjectErr != nil || subject.IsZero():
		return session.AccessClaims{}, refusal("no proper sub")
	case sessionErr != nil || sessionID.IsZero():
		return session.AccessClaims{}, refusal("no proper sid")
	}
	return session.AccessClaims{
		Subject: subject, Session: sessionID, ID: wire.ID,
		IssuedAt: time.Unix(wire.IssuedAt, 0).UTC(), Expires: time.Unix(wire.Expires, 0).UTC(),
	}, nil
}
