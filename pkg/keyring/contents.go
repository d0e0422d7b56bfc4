package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"latchkey/pkg/secret"
	"latchkey/pkg/token"
)

// contents is the state of the parameters below the path of a stack at one moment.
type contents struct {
	families  map[string]family
	withdrawn []record             // keys that have a revocation and are not deleted yet
	revoked   map[string]time.Time // end of each revocation, by the name of the key
	foreign   []string             // names of parameters that this package does not use
}

// family lists the keys of one use by number, without the revoked ones.
type family []record

// read parses the values below path. It records parameters with an unknown name and otherwise ignores them. A parameter that
// has the name of a key and is not a valid one is an error, and read then returns no contents: without that key, functions
// would silently refuse its tokens. The error joins all faults.
func read(path string, values map[string]secret.String) (contents, error) {
	c := contents{families: make(map[string]family), revoked: make(map[string]time.Time)}
	var keys []record
	var faults []error
	for _, full := range slices.Sorted(maps.Keys(values)) {
		name := strings.TrimPrefix(full, path+"/")
		var err error
		if revokedName, ok := strings.CutPrefix(name, revoked+"/"); ok && isKey(revokedName) {
			c.revoked[revokedName], err = decodeRevocation(values[full])
		} else if isKey(name) {
			var key record
			key, err = decodeRecord(name, values[full])
			keys = append(keys, key)
		} else {
			c.foreign = append(c.foreign, full)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("the parameter %s: %w", full, err))
		}
	}
	if len(faults) > 0 {
		return contents{}, errors.Join(faults...)
	}
	c.sort(keys)
	return c, nil
}

func isKey(name string) bool {
	_, _, ok := numberOf(name)
	return ok
}

// isKeyParameter reports whether a full name is that of a key or of a revocation.
func isKeyParameter(path, full string) bool {
	name, below := strings.CutPrefix(full, path+"/")
	return below && isKey(strings.TrimPrefix(name, revoked+"/"))
}

func (c *contents) sort(keys []record) {
	for _, key := range keys {
		name, _, _ := numberOf(key.name)
		if _, ok := c.revoked[key.name]; ok {
			c.withdrawn = append(c.withdrawn, key)
			continue
		}
		c.families[name] = append(c.families[name], key)
	}
	for _, keys := range c.families {
		slices.SortFunc(keys, func(a, b record) int { return cmp.Compare(a.number, b.number) })
	}
}

// current returns the index of the key in use, which is the last one with a `from` that has come. It returns 0 if there is
// none, which happens if the clock is behind. The family must not be empty.
func (f family) current(now time.Time) int {
	for i, key := range slices.Backward(f) {
		if !key.from.After(now) {
			return i
		}
	}
	return 0
}

// currentFirst returns the keys with the current one first.
func (f family) currentFirst(now time.Time) []record {
	at := f.current(now)
	return slices.Concat(f[at:at+1], f[:at], f[at+1:])
}

// next returns the earliest `from` after now, or the zero time if there is none.
func (c contents) next(now time.Time) time.Time {
	var next time.Time
	for _, keys := range c.families {
		for _, key := range keys {
			if key.from.After(now) && (next.IsZero() || key.from.Before(next)) {
				next = key.from
			}
		}
	}
	return next
}

// keySet returns the key set for the time now. It has all keys, with the current ones first.
func (c contents) keySet(path string, now time.Time) (*token.KeySet, error) {
	var keys []token.NamedKey
	for _, name := range []string{signing, deriving} {
		if len(c.families[name]) == 0 {
			return nil, fmt.Errorf("there is no %s key below %s: functions/rotate-keys creates the first", name, path)
		}
		for _, key := range c.families[name].currentFirst(now) {
			keys = append(keys, token.NamedKey{Name: "the parameter " + path + "/" + key.name, JWK: key.key})
		}
	}
	signer := c.families[signing].currentFirst(now)[0]
	return token.ParseKeys(keys, signer.summary.Algorithm)
}
