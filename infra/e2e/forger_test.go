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

// tokenUser is a user with the tokens of a session.
type tokenUser struct{ id, access, refresh string }

// signUp registers a user on the stack at base.
func signUp(t *testing.T, base, name string) tokenUser {
	t.Helper()
	registered := sendJSON(t, base, "/api/auth/register", registration(name))
	user := tokenUser{access: registered.Member("access_token"), refresh: registered.Member("refresh_token")}
	me := send(t, base, "GET", "/api/auth/me", "", bearer(user.access))
	if user.id = me.Member("id"); registered.Status != http.StatusCreated || user.id == "" {
		t.Fatalf("signing up %s: got %v and for me %v, want 201 and an id", name, registered, me)
	}
	return user
}

// session returns the id of the session that the tokens belong to.
func (u tokenUser) session(t *testing.T) string {
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

// decodePart decodes one of the three parts of a JWT.
func decodePart(t *testing.T, jwt string, part int) string {
	t.Helper()
	return string(decode64(t, strings.Split(jwt, ".")[part]))
}

// replace replaces the first occurrence of a piece, which must be present.
func replace(t *testing.T, text, piece, by string) string {
	t.Helper()
	changed := strings.Replace(text, piece, by, 1)
	if changed == text {
		t.Fatalf("%q does not contain %q", text, piece)
	}
	return changed
}

// withPayload replaces a piece of the claims of a JWT and keeps its signature.
func withPayload(t *testing.T, jwt, piece, by string) string {
	t.Helper()
	parts := strings.Split(jwt, ".")
	return parts[0] + "." + encode64(replace(t, decodePart(t, jwt, 1), piece, by)) + "." + parts[2]
}

// forger creates tokens that are almost valid. It signs with the Ed25519 key of the stack, so that only the fault under test
// is wrong. Such a signature has only one valid form.
type forger struct {
	t              *testing.T
	user           tokenUser
	private        ed25519.PrivateKey
	kid            string
	header, claims string // of a valid token of the user
}

func newForger(t *testing.T) *forger {
	t.Helper()
	f := &forger{t: t, user: signUp(t, shared.URL, uniqueName("forger"))}
	key := f.key("EdDSA")
	f.private, f.kid = ed25519.NewKeyFromSeed(decode64(t, key["d"])), key["kid"]
	f.header = fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"JWT"}`, f.kid)
	f.claims = decodePart(t, f.user.access, 1)
	return f
}

// key returns the first private key of the stack for an algorithm.
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

// sign signs any header and claims.
func (f *forger) sign(header, claims string) string { return signWith(f.private, header, claims) }

func signWith(private ed25519.PrivateKey, header, claims string) string {
	signed := encode64(header) + "." + encode64(claims)
	return signed + "." + encode64(ed25519.Sign(private, []byte(signed)))
}

func signWithHMAC(secret []byte, header, claims string) string {
	signed := encode64(header) + "." + encode64(claims)
	return signed + "." + encode64(mac(secret, signed))
}

func mac(secret []byte, message string) []byte {
	hash := hmac.New(sha256.New, secret)
	hash.Write([]byte(message))
	return hash.Sum(nil)
}

// withHeader signs a valid token after replacing one piece of its header.
func (f *forger) withHeader(piece, by string) string {
	f.t.Helper()
	return f.sign(replace(f.t, f.header, piece, by), f.claims)
}

// withClaims signs a valid token after replacing one piece of its claims.
func (f *forger) withClaims(piece, by string) string {
	f.t.Helper()
	return f.sign(f.header, replace(f.t, f.claims, piece, by))
}

// with signs a valid token after replacing the values of some claims, given as names and JSON values in turn.
func (f *forger) with(pairs ...string) string {
	f.t.Helper()
	claims := f.claims
	for i := 0; i < len(pairs); i += 2 {
		member := regexp.MustCompile(`"` + pairs[i] + `":("[^"]*"|\d+)`).FindStringIndex(claims)
		if member == nil {
			f.t.Fatalf("the claims %s have no %s", claims, pairs[i])
		}
		claims = claims[:member[0]] + `"` + pairs[i] + `":` + pairs[i+1] + claims[member[1]:]
	}
	return f.sign(f.header, claims)
}

// refreshLabel is the beginning of the text that the MAC of a refresh token covers.
const refreshLabel = "latchkey/refresh/v1\x00"

// sealed derives a token with the payload of another one, from a secret in base64url and a label.
func (f *forger) sealed(secret, label string, other []byte) string {
	f.t.Helper()
	payload := other[:len(other)-sha256.Size]
	return encode64(slices.Concat(payload, mac(decode64(f.t, secret), label+string(payload))))
}

// flipBit returns a copy of data with one bit changed.
func flipBit(data []byte, at, bit int) []byte {
	changed := slices.Clone(data)
	changed[at] ^= 1 << bit
	return changed
}

// impostor is an attacker's server. It publishes a key of its own under the id of a key of the stack.
type impostor struct {
	url      string
	private  ed25519.PrivateKey
	jwk      string
	requests atomic.Int32
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
		i.requests.Add(1)
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"keys":[%s]}`, i.url, i.url, i.jwk)
	}))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}
