package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"latchkey/infra/local/stack"
)

const (
	discoveryPath = "/.well-known/openid-configuration"
	jwksPath      = "/.well-known/jwks.json"
)

// verifier is somebody else's implementation of RFC 7515, 7517 and 7519, as a program that gets a token and the address of the
// discovery document.
type verifier struct {
	command []string
	refusal string // what it says of a wrong signature
}

func verifiers(root string) map[string]verifier {
	scripts := filepath.Join(root, "infra", "e2e", "testdata")
	return map[string]verifier{
		"PyJWT": {
			[]string{filepath.Join(root, ".tools", "venv", "bin", "python"), filepath.Join(scripts, "verify.py")},
			"InvalidSignatureError",
		},
		"jose": {[]string{"node", filepath.Join(scripts, "verify.mjs")}, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"},
	}
}

// run returns the claims that the verifier has accepted, or else what it said instead.
func (v verifier) run(t *testing.T, token, discoveryURL string) (claims map[string]any, said string) {
	t.Helper()
	arguments := append(slices.Clone(v.command[1:]), token, discoveryURL)
	cmd := exec.CommandContext(t.Context(), v.command[0], arguments...)
	cmd.Env = append(os.Environ(), "no_proxy=localhost") // Python would ask a proxy for localhost too
	var output, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &complaint
	if err := cmd.Run(); err != nil {
		return nil, err.Error() + "\n" + complaint.String()
	}
	if err := json.Unmarshal(output.Bytes(), &claims); err != nil {
		t.Fatalf("the verifier printed %q: %v", output.String(), err)
	}
	return claims, ""
}

// TestOthersVerifyOurTokens: PyJWT and jose accept what we sign, knowing only where we are, and refuse it changed.
func TestOthersVerifyOurTokens(t *testing.T) {
	options := stack.Options{
		Root: moduleRoot(t), DynamoDBEndpoint: shared.DynamoDBEndpoint, Log: io.Discard,
		DataDir: t.TempDir(), // what is built for the first of the stacks serves the others too
	}
	for _, algorithm := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			options.Environment = map[string]string{"SIGNING_ALGORITHM": algorithm}
			base := startStack(t, options).URL
			user := signUp(t, base, "interop-"+algorithm)
			tampered := withPayload(t, user.access, user.id, "00000000-0000-4000-8000-000000000000")
			if header := decodePart(t, user.access, 0); !strings.Contains(header, `"alg":"`+algorithm+`"`) {
				t.Errorf("the header is %s", header)
			}
			for name, verifier := range verifiers(options.Root) {
				claims, said := verifier.run(t, user.access, base+discoveryPath)
				if claims["sub"] != user.id || claims["iss"] != base || claims["aud"] != base || claims["type"] != "access" {
					t.Errorf("%s: the claims are %v %s", name, claims, said)
				}
				claims, said = verifier.run(t, tampered, base+discoveryPath)
				if claims != nil || !strings.Contains(said, verifier.refusal) {
					t.Errorf("%s, of a tampered token: %v %s", name, claims, said)
				}
			}
		})
	}
}

// TestWellKnownDocuments holds what the two documents have in common: they are public, kept for an hour, and cost no store call.
func TestWellKnownDocuments(t *testing.T) {
	quiet(t)
	for _, path := range []string{discoveryPath, jwksPath} {
		t.Run(path, func(t *testing.T) {
			shared.tap.Reset()
			got := send(t, shared.URL, "GET", path, "")
			if got.Status != http.StatusOK {
				t.Fatalf("the answer is %v", got)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/json", "Cache-Control": "public, max-age=3600",
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			} {
				if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
					t.Errorf("%s is %q, want %q", name, values, want)
				}
			}
			if cookies := got.Header.Values("Set-Cookie"); len(cookies) > 0 {
				t.Errorf("a document for everybody sets the cookies %q", cookies)
			}
			if calls := shared.tap.Calls(); len(calls) > 0 {
				t.Errorf("the store calls are %v", calls)
			}
			if again := send(t, shared.URL, "GET", path, "", bearer("x")); again.Body != got.Body {
				t.Errorf("a bad credential gets %v", again)
			}
			if refused := send(t, shared.URL, "POST", path, ""); refused.Status != http.StatusMethodNotAllowed ||
				refused.Header.Get("Allow") != "GET" || refused.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("POST: %d %v", refused.Status, refused.Header)
			}
		})
	}
}

func TestDiscovery(t *testing.T) {
	want := map[string]any{
		"issuer":                                shared.URL,
		"jwks_uri":                              shared.URL + jwksPath,
		"subject_types_supported":               []any{"public"},
		"response_types_supported":              []any{"token"},
		"id_token_signing_alg_values_supported": []any{"ES256"},
	}
	body := send(t, shared.URL, "GET", discoveryPath, "").Body
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the document is %s, want %v (%v)", body, want, err)
	}
}

// TestJWKS: the set has our three keys, each with the members of a public key and no other, and no private value.
func TestJWKS(t *testing.T) {
	body := send(t, shared.URL, "GET", jwksPath, "").Body
	published := readKeys(t, body)
	want := map[string][]string{
		"ES256": {"alg", "crv", "kid", "kty", "use", "x", "y"},
		"RS256": {"alg", "e", "kid", "kty", "n", "use"},
		"EdDSA": {"alg", "crv", "kid", "kty", "use", "x"},
	}
	if len(published) != len(want) {
		t.Errorf("there are %d keys", len(published))
	}
	for _, key := range published {
		if members := slices.Sorted(maps.Keys(key)); !slices.Equal(members, want[key["alg"]]) || key["use"] != "sig" {
			t.Errorf("a key is published as %v", key)
		}
	}
	for _, key := range readKeys(t, signingKeys(t)) {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if value := key[private]; value != "" && strings.Contains(body, value) {
				t.Errorf("the published set has %s of the %s key", private, key["alg"])
			}
		}
	}
}

// readKeys reads a JWK set whose members are all texts, as ours are.
func readKeys(t *testing.T, set string) []map[string]string {
	t.Helper()
	var read struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(set), &read); err != nil || len(read.Keys) == 0 {
		t.Fatalf("no key set: %v", err)
	}
	return read.Keys
}

// signingKeys is the private key set of the shared stack's functions.
func signingKeys(t *testing.T) string {
	t.Helper()
	for _, function := range shared.Template.Functions {
		if set := function.Environment["SIGNING_KEYS"]; set != "" {
			return set
		}
	}
	t.Fatal("no function has SIGNING_KEYS")
	return ""
}
