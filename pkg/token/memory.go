package token

import (
	"crypto/sha256"
	"sync"
)

// memorySize is how many tokens an [Authority] remembers: more than one container usually meets between two starts, in about
// half a megabyte.
const memorySize = 1024

// fingerprint is the SHA-256 of a whole token, signature included.
type fingerprint [sha256.Size]byte

func fingerprintOf(raw string) fingerprint { return sha256.Sum256([]byte(raw)) }

// memory holds the claims of access tokens whose signature was found good, so that a client that comes back does not pay for
// the same verification again: it is nine tenths and more of the CPU that reading a token takes. It saves nothing at a token's
// first use.
//
// Why it changes no answer:
//   - only a signature that verified enters a token, and what is remembered goes by its whole text: a token that differs in a
//     single bit has another fingerprint, or SHA-256 is broken, and with it the signatures themselves;
//   - what is left out at a token's return depends on nothing but its text and the keys, so it would come out as before;
//     whatever depends on the time or on the authority (`exp`, `iat`, `iss`, `aud`) is checked at every use;
//   - it belongs to one [Authority], whose keys never change: a new key set means a new memory, so a key that was withdrawn
//     takes its tokens along;
//   - whether a session has ended is not the token's to say, and is asked of the store as ever.
//
// It keeps no text of a token, so that a dump of it opens nothing. What it keeps is bounded; the first in is the first out, so
// that whoever floods it with good tokens of their own costs the others a verification and no more. The zero value is empty.
type memory struct {
	mu     sync.Mutex
	claims map[fingerprint]wireClaims
	order  []fingerprint // as they came, and from next on once it is full
	next   int           // the place of the oldest
}

// recall returns the claims of a token that was remembered.
func (m *memory) recall(token fingerprint) (wireClaims, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	claims, known := m.claims[token]
	return claims, known
}

// remember keeps the claims of a token, whose signature must have been verified, in place of the oldest if there is no room.
func (m *memory) remember(token fingerprint, claims wireClaims) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.claims[token]; known {
		return // two requests verified it at once
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
