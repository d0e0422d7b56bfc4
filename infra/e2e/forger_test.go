package e2e_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// signedUp is a user with the tokens of a session.
type signedUp struct{ id, access, refresh string }

// signUp creates a user on the stack at base.
func signUp(t *testing.T, base, name string) signedUp {
	t.Helper()
	made := send(t, base, "POST", "/api/auth/register", registration(name), "Content-Type: application/json")
	user := signedUp{access: made.Member("access_token"), refresh: made.Member("refresh_token")}
	me := send(t, base, "GET", "/api/auth/me", "", bearer(user.access))
	if user.id = me.Member("id"); made.Status != http.StatusCreated || user.id == "" {
		t.Fatalf("signing up %s: %v, then %v", name, made, me)
	}
	return user
}

// session returns the id of the session that the user's tokens belong to.
func (u signedUp) session(t *testing.T) string {
	t.Helper()
	var claims struct{ Sid string }
	if err := json.Unmarshal([]byte(decodePart(t, u.access, 1)), &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Sid
}

func encode64[T ~string | ~[]byte](data T) string {
	return base64.RawURLEncoding.EncodeToString([]byte(data))
}

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decodePart reads one of the three parts of a JWT.
func decodePart(t *testing.T, jwt string, part int) string {
	t.Helper()
	return string(decode64(t, strings.Split(jwt, ".")[part]))
}

// replaced exchanges a piece of a text that must be there.
func replaced(t *testing.T, whole, piece, by string) string {
	t.Helper()
	changed := strings.Replace(whole, piece, by, 1)
	if changed == whole {
		t.Fatalf("%q is not in %q", piece, whole)
	}
	return changed
}

// withPayload exchanges a piece of a JWT's claims and leaves the signature as it is.
func withPayload(t *testing.T, jwt, piece, by string) string {
	t.Helper()
	parts := strings.Split(jwt, ".")
	return parts[0] + "." + encode64(replaced(t, decodePart(t, jwt, 1), piece, by)) + "." + parts[2]
}

// forger makes tokens that nearly are ours: by the stack's own Ed25519 key, so that nothing but the fault under test is
// wrong. Signatures of such a key have one form only.
type forger struct {
	t              *testing.T
	user           signedUp
	private        ed25519.PrivateKey
	kid            string
	header, claims string // of a good token of the user
}

func newForger(t *testing.T, name string) *forger {
	t.Helper()
	f := &forger{t: t, user: signUp(t, shared.URL, name)}
	key := f.key("EdDSA")
	f.private, f.kid = ed25519.NewKeyFromSeed(decode64(t, key["d"])), key["kid"]
	f.header = fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"JWT"}`, f.kid)
	f.claims = decodePart(t, f.user.access, 1)
	return f
}

// key returns the stack's first private key of an algorithm.
func (f *forger) key(algorithm string) map[string]string {
	f.t.Helper()
	for _, key := range readKeys(f.t, signingKeys(f.t)) {
		if key["alg"] == algorithm {
			return key
		}
	}
	f.t.Fatalf("the stack has no key for %s", algorithm)
	return nil
}

// sign signs header and claims, whatever they say.
func (f *forger) sign(header, claims string) string { return signBy(f.private, header, claims) }

func signBy(private ed25519.PrivateKey, header, claims string) string {
	signed := encode64(header) + "." + encode64(claims)
	return signed + "." + encode64(ed25519.Sign(private, []byte(signed)))
}

func signByHMAC(secret []byte, header, claims string) string {
	signed := encode64(header) + "." + encode64(claims)
	return signed + "." + encode64(mac(secret, signed))
}

func mac(secret []byte, message string) []byte {
	hash := hmac.New(sha256.New, secret)
	hash.Write([]byte(message))
	return hash.Sum(nil)
}

// withHeader signs a good token but for one piece of its header.
func (f *forger) withHeader(piece, by string) string {
	f.t.Helper()
	return f.sign(replaced(f.t, f.header, piece, by), f.claims)
}

// withClaims signs a good token but for one piece of its claims.
func (f *forger) withClaims(piece, by string) string {
	f.t.Helper()
	return f.sign(f.header, replaced(f.t, f.claims, piece, by))
}

// with signs a good token but for the values of some claims, given as name and JSON by turns.
func (f *forger) with(pairs ...string) string {
	f.t.Helper()
	claims := f.claims
	for i := 0; i < len(pairs); i += 2 {
		member := regexp.MustCompile(`"` + pairs[i] + `":("[^"]*"|\d+)`).FindStringIndex(claims)
		if member == nil {
			f.t.Fatalf("there is no %s in %s", pairs[i], claims)
		}
		claims = claims[:member[0]] + `"` + pairs[i] + `":` + pairs[i+1] + claims[member[1]:]
	}
	return f.sign(f.header, claims)
}

// refreshLabel is what the MAC of a refresh token begins with.
const refreshLabel = "latchkey/refresh/v1\x00"

// sealed makes a derived token of what another one states, by a secret in base64url and under a label.
func (f *forger) sealed(secret, label string, other []byte) string {
	f.t.Helper()
	statement := other[:len(other)-sha256.Size]
	return encode64(slices.Concat(statement, mac(decode64(f.t, secret), label+string(statement))))
}

// flipped returns data with one bit changed.
func flipped(data []byte, at, bit int) []byte {
	changed := slices.Clone(data)
	changed[at] ^= 1 << bit
	return changed
}

// impostor is a server of somebody else, with a key of its own that it publishes under the id of one of ours.
type impostor struct {
	url     string
	private ed25519.PrivateKey
	jwk     string
	asked   atomic.Int32
}

func newImpostor(t *testing.T, kid string) *impostor {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &impostor{private: private}
	i.jwk = fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":%q,"x":%q}`, kid, encode64(public))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"keys":[%s]}`, i.url, i.url, i.jwk)
	}))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}
