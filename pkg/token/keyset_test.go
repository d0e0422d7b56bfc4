package token

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestParseKeySetSignsWithTheFirstKeyOfTheAlgorithm(t *testing.T) {
	first, err := generateKey(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	keys := parse(t, setOf(t, append([]jwk{first}, privateKeys(t)...)...), "ES256")
	if keys.signing != keys.verifying[first.KeyID] {
		t.Error("another key signs, want the first key of ES256")
	}
	if len(keys.verifying) != 4 {
		t.Errorf("got %d verifying keys, want 4", len(keys.verifying))
	}
}

func TestParseKeySetVerifiesWithPublicKeys(t *testing.T) {
	all := privateKeys(t)
	tokens := []string{signAccess(t, authority(t, "RS256"), good), signAccess(t, authority(t, "EdDSA"), good)}
	all[1], all[2] = all[1].public(), all[2].public()
	by := NewAuthority(parse(t, setOf(t, all...), "ES256"), issuer, audience)
	for _, raw := range tokens {
		if _, err := by.VerifyAccess(raw, now); err != nil {
			t.Errorf("VerifyAccess returned the error %v, want the token accepted", err)
		}
	}
}

// keyChange adds a fault to the generated set, which has the keys ES256, RS256, EdDSA and oct, in that order. ES256 signs.
type keyChange struct {
	change func(keys []jwk) []jwk
	want   string // part of the error
}

// member changes one key.
func member(at int, change func(*jwk), want string) keyChange {
	return keyChange{want: fmt.Sprintf("keys[%d]: %s", at, want), change: func(keys []jwk) []jwk {
		change(&keys[at])
		return keys
	}}
}

func TestParseKeySetRefusesKeys(t *testing.T) {
	colliding := collidingIDs()
	for name, row := range map[string]keyChange{
		"kid missing":             member(0, func(k *jwk) { k.KeyID = "" }, "kid is missing"),
		"kid too long":            member(0, func(k *jwk) { k.KeyID = strings.Repeat("k", 65) }, "kid is longer"),
		"kid with a space":        member(0, func(k *jwk) { k.KeyID = "a b" }, "kid is not visible"),
		"kid beyond ASCII":        member(0, func(k *jwk) { k.KeyID = "ключ" }, "kid is not visible"),
		"alg missing":             member(2, func(k *jwk) { k.Algorithm = "" }, "alg is missing"),
		"alg unknown":             member(2, func(k *jwk) { k.Algorithm = "PS256" }, "alg is none of"),
		"alg of another type":     member(1, func(k *jwk) { k.Algorithm = "EdDSA" }, "kty and crv do not match alg"),
		"alg of an oct key":       member(3, func(k *jwk) { k.Algorithm = "RS256" }, "kty and crv do not match alg"),
		"alg of oct on an EC key": member(0, func(k *jwk) { k.Algorithm = "HS256" }, "kty and crv do not match alg"),
		"kty unknown":             member(2, func(k *jwk) { k.KeyType = "AKP" }, "kty and crv do not match alg"),
		"kty in lower case":       member(0, func(k *jwk) { k.KeyType = "ec" }, "kty and crv do not match alg"),
		"crv of another size":     member(0, func(k *jwk) { k.Curve = "P-384" }, "kty and crv do not match alg"),
		"crv X25519":              member(2, func(k *jwk) { k.Curve = "X25519" }, "kty and crv do not match alg"),
		"use enc":                 member(0, func(k *jwk) { k.Use = "enc" }, "use or key_ops"),
		"key_ops encrypt":         member(0, func(k *jwk) { k.Operations = []string{"sign", "encrypt"} }, "use or key_ops"),
		"kid twice": {want: "keys[3]: kid equals the kid of an earlier key", change: func(keys []jwk) []jwk {
			keys[3].KeyID = keys[0].KeyID
			return keys
		}},
		"the same oct key twice": {want: "keys[4]: k equals the k of an earlier key", change: func(keys []jwk) []jwk {
			again := keys[3]
			again.KeyID = "again"
			return append(keys, again)
		}},
		"two oct keys with one tag": {want: "keys[4]: kid has the same tag", change: func(keys []jwk) []jwk {
			again := keys[3]
			again.K = encode(bytes.Repeat([]byte{7}, 32))
			keys[3].KeyID, again.KeyID = colliding[0], colliding[1]
			return append(keys, again)
		}},
		"no oct key": {want: "no key can derive tokens", change: func(keys []jwk) []jwk { return keys[:3] }},
		"no key of the signing alg": {want: "no key can sign: none has the alg ES256", change: func(keys []jwk) []jwk {
			return keys[1:]
		}},
		"no key at all":             {want: "no key can sign", change: func([]jwk) []jwk { return nil }},
		"the first of two has no d": member(0, func(k *jwk) { *k = k.public() }, "the signing key has no private part"),
		"a kid twice, of oct keys":  {want: "kid equals the kid of", change: func(keys []jwk) []jwk { return append(keys, keys[3]) }},
	} {
		t.Run(name, func(t *testing.T) {
			set := setOf(t, row.change(privateKeys(t))...)
			mustRefuseSet(t, set, "ES256", row.want)
		})
	}
}

func TestParseKeySetRefusesTexts(t *testing.T) {
	whole := string(generated())
	for name, row := range map[string]struct{ jwks, want string }{
		"empty":               {"", "not JSON"},
		"not JSON":            {"SECRETSECRET", "not JSON"},
		"truncated":           {whole[:len(whole)-1], "not JSON"},
		"two documents":       {whole + whole, "not JSON"},
		"an array":            {"[" + whole + "]", "wrong type"},
		"a single key":        {`{"kty":"oct"}`, "no key can sign"},
		"null":                {"null", "no key can sign"},
		"KEYS":                {strings.Replace(whole, `"keys"`, `"KEYS"`, 1), "no key can sign"},
		"keys an object":      {`{"keys":{}}`, "wrong type"},
		"a key of wrong type": {strings.Replace(whole, `[{`, `[5,{`, 1), "keys[0]: a member has the wrong type"},
		"a member's type":     {strings.Replace(whole, `[{`, `[{"kid":5},{`, 1), "keys[0]: a member has the wrong type"},
		"a name twice":        {strings.Replace(whole, `[{`, `[{"kty":"EC",`, 1), "a member name occurs twice"},
		"unknown name twice":  {strings.Replace(whole, `[{`, `[{"x-a":1,"x-a":2,`, 1), "a member name occurs twice"},
		"keys twice":          {`{"keys":[],` + whole[1:], "a member name occurs twice"},
		"not UTF-8":           {strings.Replace(whole, `[{`, "[{\"a\":\"\xff\",", 1), "not JSON"},
		"K instead of k":      {strings.Replace(whole, `"k":`, `"K":`, 1), "k is missing"},
	} {
		t.Run(name, func(t *testing.T) { mustRefuseSet(t, []byte(row.jwks), "ES256", row.want) })
	}
}

func TestParseKeySetRefusesAlgorithms(t *testing.T) {
	for _, algorithm := range []string{"", "none", "HS256", "es256", "PS256"} {
		t.Run(algorithm, func(t *testing.T) {
			mustRefuseSet(t, generated(), algorithm, "the signing algorithm is none of ES256, RS256, EdDSA")
		})
	}
}

func TestParseKeySetReportsAllFaults(t *testing.T) {
	all := privateKeys(t)
	all[0].KeyID, all[0].D = "", ""
	all[1].E = "!"
	all[3].K = "c2hvcnQ"
	_, err := ParseKeySet(setOf(t, all...), "ES256")
	if err == nil {
		t.Fatal("ParseKeySet accepted a set with four faults, want an error")
	}
	for _, want := range []string{
		"keys[0]: kid is missing", "keys[0]: the signing key has no private part",
		"keys[1]: e is not canonical base64url", "keys[3]: k is shorter than 32 bytes",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %q, want %q in it", err, want)
		}
	}
}

func TestKeySetDoesNotPrint(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("keys", "set", keys)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("keys", "set", keys)
	printed := fmt.Sprintf("%v %+v %#v %s %d %x %q", keys, keys, keys, keys, keys, keys, keys) + log.String()
	if strings.Count(printed, "[key set]") != 8 {
		t.Errorf("got %q, want [key set] eight times", printed)
	}
}

func TestPublicJWKSHasOnlyPublicParts(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	published := keys.PublicJWKS()
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(published, &set); err != nil {
		t.Fatal(err)
	}
	members := map[string][]string{
		"ES256": {"alg", "crv", "kid", "kty", "use", "x", "y"},
		"RS256": {"alg", "e", "kid", "kty", "n", "use"},
		"EdDSA": {"alg", "crv", "kid", "kty", "use", "x"},
	}
	if len(set.Keys) != len(members) {
		t.Fatalf("got %d public keys, want %d", len(set.Keys), len(members))
	}
	for i, key := range set.Keys {
		var names []string
		for name := range key {
			names = append(names, name)
		}
		slices.Sort(names)
		if key["alg"] != signers[i] || key["use"] != "sig" || !slices.Equal(names, members[key["alg"]]) {
			t.Errorf("got the public key %v at index %d, want one of %s with the members %v", key, i, signers[i], members[signers[i]])
		}
	}
	published[0] = 'x'
	if again := parse(t, generated(), "ES256").PublicJWKS(); !bytes.Equal(again, keys.PublicJWKS()) {
		t.Error("PublicJWKS returned different bytes, want the same at each call")
	}
}

// mustRefuseSet requires an error that contains want and no value of the set.
func mustRefuseSet(t *testing.T, jwks []byte, algorithm, want string) {
	t.Helper()
	keys, err := ParseKeySet(jwks, algorithm)
	if err == nil || keys != nil {
		t.Fatalf("ParseKeySet(%q) accepted the set, want an error with %q", jwks, want)
	}
	if !strings.HasPrefix(err.Error(), "reading the key set: ") || !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want %q in it", err, want)
	}
	for piece := range strings.FieldsFuncSeq(string(jwks), func(r rune) bool { return strings.ContainsRune(`"{}[]:,`, r) }) {
		if len(piece) > 8 && strings.Contains(err.Error(), piece) {
			t.Errorf("the error %q contains %q of the set", err, piece)
		}
	}
}

// collidingIDs returns two kids with the same tag. By the birthday bound, the search takes some 100,000 attempts.
func collidingIDs() [2]string {
	seen := make(map[[tagSize]byte]string)
	for i := 0; ; i++ {
		kid := fmt.Sprint("key-", i)
		sum := sha256.Sum256([]byte(kid))
		tag := [tagSize]byte(sum[:tagSize])
		if earlier, found := seen[tag]; found {
			return [2]string{earlier, kid}
		}
		seen[tag] = kid
	}
}
