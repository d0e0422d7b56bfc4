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

// holding is what stood below a stack's path at one moment.
type holding struct {
	families  map[string]family
	withdrawn []record             // keys whose revocation stands beside them
	revoked   map[string]time.Time // until when, by the name of the key
	foreign   []string             // names of parameters that are not ours
}

// family is the keys of one use that are not revoked, by number.
type family []record

// read takes the values below path apart. A parameter whose name is none of ours is noted and otherwise let be. One that has
// the name of a key and is none is an error, and nothing is returned then: to leave it out would refuse, without a word, what
// the key has made. The error names all of them.
func read(path string, values map[string]secret.String) (holding, error) {
	h := holding{families: make(map[string]family), revoked: make(map[string]time.Time)}
	var keys []record
	var faults []error
	for _, full := range slices.Sorted(maps.Keys(values)) {
		name := strings.TrimPrefix(full, path+"/")
		var err error
		if revokedName, is := strings.CutPrefix(name, revoked+"/"); is && isKey(revokedName) {
			h.revoked[revokedName], err = decodeRevocation(values[full])
		} else if isKey(name) {
			var key record
			key, err = decodeRecord(name, values[full])
			keys = append(keys, key)
		} else {
			h.foreign = append(h.foreign, full)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("the parameter %s: %w", full, err))
		}
	}
	if len(faults) > 0 {
		return holding{}, errors.Join(faults...)
	}
	h.sort(keys)
	return h, nil
}

func isKey(name string) bool {
	_, _, ok := numberOf(name)
	return ok
}

// isOurs says whether a full name is that of a key or of its revocation.
func isOurs(path, full string) bool {
	name, below := strings.CutPrefix(full, path+"/")
	return below && isKey(strings.TrimPrefix(name, revoked+"/"))
}

func (h *holding) sort(keys []record) {
	for _, key := range keys {
		name, _, _ := numberOf(key.name)
		if _, is := h.revoked[key.name]; is {
			h.withdrawn = append(h.withdrawn, key)
			continue
		}
		h.families[name] = append(h.families[name], key)
	}
	for _, keys := range h.families {
		slices.SortFunc(keys, func(a, b record) int { return cmp.Compare(a.number, b.number) })
	}
}

// current is the index of the key in use: the last whose time has come. Where that is none, for a clock that is behind, it is
// the first. The family must not be empty.
func (f family) current(now time.Time) int {
	for i, key := range slices.Backward(f) {
		if !key.from.After(now) {
			return i
		}
	}
	return 0
}

// inUseFirst lists the keys with the current one in front.
func (f family) inUseFirst(now time.Time) []record {
	at := f.current(now)
	return slices.Concat(f[at:at+1], f[:at], f[at+1:])
}

// next is when a key is due that is not yet; zero if there is none.
func (h holding) next(now time.Time) time.Time {
	var next time.Time
	for _, keys := range h.families {
		for _, key := range keys {
			if key.from.After(now) && (next.IsZero() || key.from.Before(next)) {
				next = key.from
			}
		}
	}
	return next
}

// keySet is the set to work with at now: all keys, the current ones in front.
func (h holding) keySet(path string, now time.Time) (*token.KeySet, error) {
	var keys []token.NamedKey
	for _, name := range []string{signing, deriving} {
		if len(h.families[name]) == 0 {
			return nil, fmt.Errorf("there is no %s key below %s: functions/rotate-keys makes the first", name, path)
		}
		for _, key := range h.families[name].inUseFirst(now) {
			keys = append(keys, token.NamedKey{Name: "the parameter " + path + "/" + key.name, JWK: key.key})
		}
	}
	signs := h.families[signing].inUseFirst(now)[0]
	return token.ParseKeys(keys, signs.what.Algorithm)
}
