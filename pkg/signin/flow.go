package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"latchkey/pkg/random"
	"latchkey/pkg/secret"
)

// FlowKeys holds the secrets that protect one flow. Each is 256 random bits as text.
type FlowKeys struct {
	State    secret.String // the callback returns it (RFC 6749 §10.12)
	Verifier secret.String // of PKCE; the provider first gets its hash (RFC 7636 §4.1)
	Nonce    secret.String // the ID token returns it
}

// Flow is a sign-in by a provider in progress.
type Flow struct {
	FlowKeys
	Provider string
	Binding  []byte    // the SHA-256 of the browser's binding cookie
	Expires  time.Time // whole seconds
}

// FlowStore is the part of the store that keeps flows.
type FlowStore interface {
	// PutFlow stores a new flow. It stores only the hash of the state.
	PutFlow(ctx context.Context, flow Flow) error
	// SpendFlow marks a flow as spent and returns it, if it has the state, provider and binding of presented, is not spent,
	// and has not expired at now. Otherwise it changes nothing and returns account.ErrNotFound. Of concurrent callers one
	// gets the flow. If the store finds that this call's own write is already done, the call succeeds.
	SpendFlow(ctx context.Context, presented Flow, now time.Time) (Flow, error)
}

// flowKeySize is the size of a flow key, in bytes.
const flowKeySize = 32

// flowKey returns a new key in the form that PKCE requires of a verifier (RFC 7636 §4.1).
func (o *OAuth) flowKey() secret.String {
	raw := random.Bytes(o.random, flowKeySize)
	return secret.New(base64.RawURLEncoding.EncodeToString(raw))
}

// isFlowKey reports whether text has the form of a flow key. Each key has one spelling.
func isFlowKey(text secret.String) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text.Reveal())
	return err == nil && len(raw) == flowKeySize && len(text.Reveal()) == base64.RawURLEncoding.EncodedLen(flowKeySize)
}

func bindingHash(binding secret.String) []byte {
	sum := sha256.Sum256([]byte(binding.Reveal()))
	return sum[:]
}
