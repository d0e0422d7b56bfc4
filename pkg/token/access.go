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
	// typeAccess is the claim `type`. It distinguishes an access token from other JWTs of the same keys (RFC 8725 §3.11).
	typeAccess = "access"

	// leeway is the number of seconds by which the clock of the signing function may be ahead of the verifying one. It
	// applies to `iat` only, so a token is never accepted after its `exp`.
	leeway = 1

	maxTokenID = 64

	// lastSecond is the end of the year 9999, the last time that RFC 3339 can represent.
	lastSecond = 253402300799
)

// wireClaims is the payload: claims of RFC 7519 §4.1, and `sid` and `type` of this service. `aud` is a single string. Times
// are integers in seconds, so a string, a fraction or an exponent does not decode.
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

// Authority signs and verifies the access tokens of one issuer for one audience. It is safe for concurrent use. It must not
// be copied.
type Authority struct {
	keys             *KeySet
	issuer, audience string
	verified         memory
}

// NewAuthority returns an authority that writes issuer and audience to `iss` and `aud` and requires exactly these values.
func NewAuthority(keys *KeySet, issuer, audience string) *Authority {
	return &Authority{keys: keys, issuer: issuer, audience: audience}
}

// SignAccess returns an access token with the claims, with times truncated to whole seconds. It returns an error for claims
// that [Authority.VerifyAccess] would refuse: no subject, no session, no id or one of more than 64 bytes, or an end that is
// not after the beginning.
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
		//nolint:errorlint // not wrapped: ErrInvalid concerns the input of a client, and these claims come from the rules
		return secret.String{}, fmt.Errorf("signing an access token: the claims would be refused: %v", err)
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

// VerifyAccess returns the claims of an access token at the time now, with times in UTC. The error is [ErrInvalid] for a token
// that [Authority.SignAccess] did not return or that has expired.
//
// The signature is checked last, because it costs more than ten times as much as all other checks. Expired and foreign tokens
// are therefore refused within microseconds. Claims have no effect before the signature is verified. The authority remembers
// tokens with a verified signature (see memory). Their claims are checked at every use, and their signature only once.
func (a *Authority) VerifyAccess(raw string, now time.Time) (session.AccessClaims, error) {
	token, err := splitCompact(raw)
	if err != nil {
		return session.AccessClaims{}, err
	}
	digest := fingerprintOf(raw)
	if wire, found := a.verified.recall(digest); found {
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
		return session.AccessClaims{}, refusal("the claims have another form")
	}
	claims, err := a.accept(wire, now.Unix())
	if err != nil {
		return session.AccessClaims{}, err
	}
	if err := key.verify(token); err != nil {
		return session.AccessClaims{}, err
	}
	a.verified.remember(digest, wire)
	return claims, nil
}

// accept checks the claims at the time now, in seconds. A missing member is a zero value, which every rule refuses.
func (a *Authority) accept(wire wireClaims, now int64) (session.AccessClaims, error) {
	subject, subjectErr := id.Parse(wire.Subject)
	sessionID, sessionErr := id.Parse(wire.Session)
	switch {
	case wire.Type != typeAccess:
		return session.AccessClaims{}, refusal("the token has another type")
	case wire.Issuer != a.issuer:
		return session.AccessClaims{}, refusal("the token has another issuer")
	case wire.Audience != a.audience:
		return session.AccessClaims{}, refusal("the token has another audience")
	case wire.IssuedAt <= 0 || wire.Expires <= wire.IssuedAt || wire.Expires > lastSecond:
		return session.AccessClaims{}, refusal("iat and exp are inconsistent")
	case wire.Expires <= now:
		return session.AccessClaims{}, refusal("the token has expired")
	case wire.IssuedAt > now+leeway:
		return session.AccessClaims{}, refusal("the token was issued in the future")
	case wire.ID == "" || len(wire.ID) > maxTokenID:
		return session.AccessClaims{}, refusal("the jti is missing or malformed")
	case subjectErr != nil || subject.IsZero():
		return session.AccessClaims{}, refusal("the sub is missing or malformed")
	case sessionErr != nil || sessionID.IsZero():
		return session.AccessClaims{}, refusal("the sid is missing or malformed")
	}
	return session.AccessClaims{
		Subject: subject, Session: sessionID, ID: wire.ID,
		IssuedAt: time.Unix(wire.IssuedAt, 0).UTC(), Expires: time.Unix(wire.Expires, 0).UTC(),
	}, nil
}
