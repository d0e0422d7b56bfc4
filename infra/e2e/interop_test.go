package e2e_test

import (
	"bytes"
	"encoding/json"
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
	"latchkey/infra/testkit"
)

const (
	discoveryPath = "/.well-known/openid-configuration"
	jwksPath      = "/.well-known/jwks.json"
)

// verifier is a program with another implementation of RFC 7515, 7517 and 7519. Its arguments are a token and the address of
// the discovery document.
type verifier struct {
	command []string
	refusal string // its error for a wrong signature
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

// run returns the claims that the verifier has accepted, or its error.
func (v verifier) run(t *testing.T, token, discoveryURL string) (claims map[string]any, refusal string) {
	t.Helper()
	arguments := append(slices.Clone(v.command[1:]), token, discoveryURL)
	cmd := exec.CommandContext(t.Context(), v.command[0], arguments...)
	cmd.Env = append(os.Environ(), "no_proxy=localhost") // Python would use a proxy for localhost as well
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, err.Error() + "\n" + stderr.String()
	}
	if err := json.Unmarshal(stdout.Bytes(), &claims); err != nil {
		t.Fatalf("%s: got the output %q, want JSON: %v", v.command, stdout.String(), err)
	}
	return claims, ""
}

// TestOthersVerifyOurTokens checks that PyJWT and jose accept our tokens with only the address of the service, and refuse
// changed ones.
func TestOthersVerifyOurTokens(t *testing.T) {
	options := stack.Options{
		DynamoDBEndpoint: shared.DynamoDBEndpoint,
		DataDir:          t.TempDir(), // the stacks share the built functions
	}
	for _, algorithm := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			options.Environment = map[string]string{"SIGNING_ALGORITHM": algorithm}
			base := startStack(t, options).URL
			user := signUp(t, base, uniqueName("interop"))
			changed := withPayload(t, user.access, user.id, "00000000-0000-4000-8000-000000000000")
			if header, want := decodePart(t, user.access, 0), `"alg":"`+algorithm+`"`; !strings.Contains(header, want) {
				t.Errorf("got the header %s, want it to contain %s", header, want)
			}
			for name, verifier := range verifiers(testkit.Root(t)) {
				claims, refusal := verifier.run(t, user.access, base+discoveryPath)
				if claims["sub"] != user.id || claims["iss"] != base || claims["aud"] != base || claims["type"] != "access" {
					t.Errorf("%s: got the claims %v and the error %q, want an access token of %s", name, claims, refusal, user.id)
				}
				claims, refusal = verifier.run(t, changed, base+discoveryPath)
				if claims != nil || !strings.Contains(refusal, verifier.refusal) {
					t.Errorf("%s with a changed token: got the claims %v and the error %q, want %s", name, claims, refusal, verifier.refusal)
				}
			}
		})
	}
}

// TestWellKnownDocuments checks that both documents are public, cacheable for an hour, and need no store call.
func TestWellKnownDocuments(t *testing.T) {
	pauseMailer(t)
	for _, path := range []string{discoveryPath, jwksPath} {
		t.Run(path, func(t *testing.T) {
			shared.Tap.Reset()
			got := get(t, path)
			if got.Status != http.StatusOK {
				t.Fatalf("got %v, want 200", got)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/json", "Cache-Control": "public, max-age=3600",
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			} {
				if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
					t.Errorf("%s: got %q, want %q", name, values, want)
				}
			}
			if cookies := got.Header.Values("Set-Cookie"); len(cookies) > 0 {
				t.Errorf("got the cookies %q, want none", cookies)
			}
			checkNoCalls(t)
			if again := get(t, path, bearer("x")); again.Body != got.Body {
				t.Errorf("with an invalid credential: got %v, want %v", again, got)
			}
			post := send(t, shared.URL, "POST", path, "")
			if post.Status != http.StatusMethodNotAllowed || post.Header.Get("Allow") != "GET" || post.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("POST: got %v %v, want 405 with Allow GET and Cache-Control no-store", post, post.Header)
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
	body := get(t, discoveryPath).Body
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, %v; want %v", body, err, want)
	}
}

// TestJWKS checks that the set has our three keys with the members of a public key, and no private value.
func TestJWKS(t *testing.T) {
	body := get(t, jwksPath).Body
	published := readKeys(t, body)
	want := map[string][]string{
		"ES256": {"alg", "crv", "kid", "kty", "use", "x", "y"},
		"RS256": {"alg", "e", "kid", "kty", "n", "use"},
		"EdDSA": {"alg", "crv", "kid", "kty", "use", "x"},
	}
	if len(published) != len(want) {
		t.Errorf("got %d keys, want %d", len(published), len(want))
	}
	for _, key := range published {
		if members := slices.Sorted(maps.Keys(key)); !slices.Equal(members, want[key["alg"]]) || key["use"] != "sig" {
			t.Errorf("got the key %v, want the members %v and the use sig", key, want[key["alg"]])
		}
	}
	for _, key := range readKeys(t, signingKeys(t)) {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if value := key[private]; value != "" && strings.Contains(body, value) {
				t.Errorf("the published set contains the private member %s of the %s key", private, key["alg"])
			}
		}
	}
}

// readKeys reads a JWK set whose members are all texts, like ours.
func readKeys(t *testing.T, text string) []map[string]string {
	t.Helper()
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("got %d keys, %v; want a key set", len(set.Keys), err)
	}
	return set.Keys
}

// signingKeys returns the private key set of the shared stack.
func signingKeys(t *testing.T) string {
	t.Helper()
	for _, function := range shared.Template.Functions {
		if set := function.Environment["SIGNING_KEYS"]; set != "" {
			return set
		}
	}
	t.Fatal("no function of the template has SIGNING_KEYS")
	return ""
}
