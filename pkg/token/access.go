package token

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
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
	// NotBefore is in no token of this service. A token that has it must still obey it (RFC 7519 §4.1.5).
	NotBefore int64  `json:"nbf,omitzero"`
	ID        string `json:"jti"`
	Session   string `json:"sid"`
	Type      string `json:"type"`
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
	case wire.NotBefore > now+leeway:
		return session.AccessClaims{}, refusal("the token is not valid yet")
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

// maxToken is the maximum length of an access token in bytes. Tokens of this service have 500 to 900. Longer ones are refused
// without further checks.
const maxToken = 4096

// header is the complete JOSE header of an access token (RFC 7515 §4). Any other member is refused and not ignored: `jku`,
// `jwk`, `x5u` and `x5c` would let the token choose its own key, `crit` demands extensions that do not exist here, and no
// token of this service has any other.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ,omitzero"`
}

// compact is a JWS in compact serialization (RFC 7515 §7.1), split but not decoded.
type compact struct {
	header, payload, signature string

	signed string // header and payload, joined by a dot
}

func splitCompact(raw string) (compact, error) {
	if len(raw) > maxToken {
		return compact{}, refusal("the token is too long")
	}
	if strings.Count(raw, ".") != 2 {
		return compact{}, refusal("the token does not have three parts")
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	return compact{header: raw[:first], payload: raw[first+1 : last], signature: raw[last+1:], signed: raw[:last]}, nil
}

// encodeHeader returns the first part of the tokens that a key signs.
func encodeHeader(algorithm, kid string) string {
	text, err := json.Marshal(header{Algorithm: algorithm, KeyID: kid, Type: "JWT"})
	if err != nil {
		return "" // only for a kid that is not valid text, which was refused before
	}
	return encode(text)
}

// keyFor returns the key named by the header of a token. The kid determines the key *and* the algorithm (RFC 8725 §3.1). A
// header with another algorithm is refused, so the sender cannot choose how the signature is checked. `typ` may be absent
// (RFC 7515 §4.1.9), because the claim `type` distinguishes tokens.
func (s *KeySet) keyFor(encoded string) (*signatureKey, error) {
	text, ok := decode(encoded)
	if !ok {
		return nil, refusal("the header is not canonical base64url")
	}
	var jose header
	if json.Unmarshal(text, &jose, json.RejectUnknownMembers(true)) != nil {
		return nil, refusal("the header has another form")
	}
	key, found := s.verifying[jose.KeyID]
	switch {
	case !found:
		return nil, unknownKey
	case jose.Algorithm != key.algorithm:
		return nil, refusal("the header has another algorithm than the key")
	case jose.Type != "" && jose.Type != "JWT":
		return nil, refusal("the header's typ is not JWT")
	}
	return key, nil
}

// verify checks the signature of token.
func (k *signatureKey) verify(token compact) error {
	signature, ok := decode(token.signature)
	if !ok {
		return refusal("the signature is not canonical base64url")
	}
	if k.method.Verify(token.signed, signature, k.public) != nil {
		return refusal("the signature is wrong")
	}
	return nil
}

// sign returns payload as a JWS signed with k, which must have a private part.
func (k *signatureKey) sign(payload []byte) (string, error) {
	signed := k.header + "." + encode(payload)
	signature, err := k.method.Sign(signed, k.private)
	if err != nil {
		return "", fmt.Errorf("computing the signature: %w", err)
	}
	return signed + "." + encode(signature), nil
}

// memorySize is the number of tokens that an [Authority] remembers, in about half a megabyte. A container usually receives
// fewer different tokens during its life.
const memorySize = 1024

// fingerprint is the SHA-256 of a complete token with its signature.
type fingerprint [sha256.Size]byte

func fingerprintOf(raw string) fingerprint { return sha256.Sum256([]byte(raw)) }

// memory holds the claims of access tokens with a verified signature, so that later requests with the same token need not
// verify it again. Verification is more than nine tenths of the CPU time for reading a token. The first use of a token saves
// nothing.
//
// The memory changes no result, for these reasons:
//   - Only a token with a verified signature is remembered, by the hash of its complete text. A token that differs in one bit
//     has another fingerprint, unless SHA-256 is broken, and with it the signatures.
//   - Only checks that depend on nothing but the text and the keys are skipped. Checks that depend on the time or on the
//     authority (`exp`, `iat`, `iss`, `aud`) are made at every use.
//   - A memory belongs to one [Authority], and its keys never change. A new key set has a new memory, so the tokens of a
//     revoked key are forgotten.
//   - Whether the session has ended is still read from the store.
//
// It contains no text of a token, so a memory dump grants no access. Its size is bounded, and the oldest token is evicted
// first. An attacker who floods it with valid tokens only makes other requests verify again. The zero value is empty.
type memory struct {
	mu     sync.Mutex
	claims map[fingerprint]wireClaims
	order  []fingerprint // in order of arrival; a ring that starts at next once it is full
	next   int           // index of the oldest
}

// recall returns the claims of a remembered token.
func (m *memory) recall(token fingerprint) (wireClaims, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	claims, found := m.claims[token]
	return claims, found
}

// remember stores the claims of a token with a verified signature. It evicts the oldest token if the memory is full.
func (m *memory) remember(token fingerprint, claims wireClaims) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, found := m.claims[token]; found {
		return // a concurrent request has verified the same token
	}
	if m.claims == nil {
		m.claims = make(map[fingerprint]wireClaims)
	}
	m.claims[token] = claims
	if len(m.order) < memorySize {
		m.order = append(m.order, token)
		return
	}
	delete(m.claims, m.order[m.next])
	m.order[m.next] = token
	m.next = (m.next + 1) % memorySize
}
