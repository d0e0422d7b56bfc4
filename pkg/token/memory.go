package token

import (
	"crypto/sha256"
	"sync"
)

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
