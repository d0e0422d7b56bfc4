package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"latchkey/pkg/limit"
	"latchkey/pkg/secret"
)

// The headers with which a proxy of the operator passes on the address of its client. The first one counts only with the second.
const (
	headerClientAddress = "Latchkey-Client-Address"
	headerClientKey     = "Latchkey-Client-Key"
)

// Sources determines the source that a request counts for. It is the address that sent the request, or the address that a proxy with
// a client key names. The zero value trusts no proxy.
type Sources struct {
	keys func(context.Context) ClientKeys // nil for none
}

// NewSources returns Sources that trust the proxies with one of the current keys. Only a request with both headers causes a call of
// current.
func NewSources(current func(context.Context) ClientKeys) Sources { return Sources{keys: current} }

// of returns the source of a request.
func (s Sources) of(r *http.Request) string {
	if client, named := s.client(r); named {
		return limit.Source(client.String())
	}
	return limit.Source(r.RemoteAddr)
}

// client returns the address that a trusted proxy names. A header that is repeated, or is not exactly one address, names none: the
// gateway joins repeated headers with a comma, and a proxy that passes on a header of its client would let the client choose.
func (s Sources) client(r *http.Request) (netip.Addr, bool) {
	keys, addresses := r.Header.Values(headerClientKey), r.Header.Values(headerClientAddress)
	if s.keys == nil || len(keys) != 1 || len(addresses) != 1 {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(addresses[0])
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, false
	}
	return address, s.keys(r.Context()).has(keys[0])
}

// A key is a random secret of at least minClientKey characters. Two are valid at once while proxies change from one to the next.
const (
	minClientKey  = 32
	maxClientKeys = 2
)

// ClientKeys holds the digests of the keys that proxies present. The zero value has none.
type ClientKeys struct{ digests [][sha256.Size]byte }

// ParseClientKeys reads one or two keys, separated by a comma. The error says what is wrong, without any part of a key.
func ParseClientKeys(list secret.String) (ClientKeys, error) {
	keys := strings.Split(list.Reveal(), ",")
	if len(keys) > maxClientKeys {
		return ClientKeys{}, fmt.Errorf("got %d keys separated by commas, want at most %d", len(keys), maxClientKeys)
	}
	var parsed ClientKeys
	for i, key := range keys {
		if err := checkClientKey(key); err != nil {
			return ClientKeys{}, fmt.Errorf("key %d of %d: %w", i+1, len(keys), err)
		}
		parsed.digests = append(parsed.digests, sha256.Sum256([]byte(key)))
	}
	return parsed, nil
}

func checkClientKey(key string) error {
	if strings.ContainsFunc(key, func(char rune) bool { return char <= ' ' || char > '~' }) {
		return errors.New("contains a space, a line break or another character besides visible ASCII")
	}
	if len(key) < minClientKey {
		return fmt.Errorf("has %d characters, want at least %d", len(key), minClientKey)
	}
	return nil
}

// has reports whether key is one of the keys. It compares digests in constant time, so its time reveals neither a key nor its length.
func (k ClientKeys) has(key string) bool {
	digest := sha256.Sum256([]byte(key))
	found := 0
	for i := range k.digests {
		found |= subtle.ConstantTimeCompare(k.digests[i][:], digest[:])
	}
	return found == 1
}
