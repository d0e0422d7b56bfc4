package openidtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/openidtest"
	"latchkey/infra/testkit/standin"
)

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // with its challenge, from RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	callback  = "http://localhost:1/callback"
)

var (
	client      httpclient.Client
	application = standin.Client{ID: "id", Secret: "secret"}
	noon        = time.Unix(1_800_000_000, 0)
)

func start(t *testing.T) *openidtest.Server {
	t.Helper()
	s, err := openidtest.Start(application, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// get requests address and decodes the response into v.
func get(t *testing.T, address string, v any) {
	t.Helper()
	response := client.Send(t, "GET", address, "")
	if err := json.Unmarshal([]byte(response.Body), v); err != nil {
		t.Fatalf("GET %s: got %v, want JSON: %v", address, response, err)
	}
}

func authorize(t *testing.T, s *openidtest.Server, hint string) url.Values {
	t.Helper()
	query := url.Values{
		"client_id": {"id"}, "response_type": {"code"}, "redirect_uri": {callback}, "state": {"a state"}, "nonce": {"a nonce"},
		"login_hint": {hint}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	response := client.Send(t, "GET", s.URL+openidtest.AuthorizePath+"?"+query.Encode(), "")
	target, err := url.Parse(response.Header.Get("Location"))
	if err != nil || target.Query().Get("state") != "a state" {
		t.Fatalf("authorize with login_hint %q: got %v to %v, want a redirect with the state", hint, response, target)
	}
	return target.Query()
}

func tokenRequest(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
		"client_id": {"id"}, "client_secret": {"secret"},
	}
}

// parse returns the header and the claims of an ID token, and whether the published key verifies its signature.
func parse(t *testing.T, s *openidtest.Server, token string) (header, claims map[string]any, verified bool) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("ID token %q: got %d parts, want 3", token, len(parts))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		if err := json.Unmarshal(decode(t, parts[i]), into); err != nil {
			t.Fatal(err)
		}
	}
	var set struct{ Keys []struct{ Kid, X, Y string } }
	get(t, s.URL+openidtest.KeysPath, &set)
	if len(set.Keys) != 1 || set.Keys[0].Kid != header["kid"] {
		t.Fatalf("key set %v: want one key, with the id of the header %v", set, header)
	}
	point := append([]byte{4}, append(decode(t, set.Keys[0].X), decode(t, set.Keys[0].Y)...)...) // 4 marks an uncompressed point
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	signature := decode(t, parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return header, claims, len(signature) == 64 && ecdsa.Verify(key, digest[:], number(signature[:32]), number(signature[32:]))
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func number(b []byte) *big.Int { return new(big.Int).SetBytes(b) }

func TestIDTokens(t *testing.T) {
	s := start(t)
	for name, tc := range map[string]struct {
		alterations []openidtest.Alteration
		algorithm   string
		verified    bool
		changes     map[string]any // a nil value means an absent claim
	}{
		"valid":                {nil, "ES256", true, nil},
		"another audience":     {[]openidtest.Alteration{openidtest.With("aud", "x")}, "ES256", true, map[string]any{"aud": "x"}},
		"no nonce":             {[]openidtest.Alteration{openidtest.Without("nonce")}, "ES256", true, map[string]any{"nonce": nil}},
		"verified as a string": {[]openidtest.Alteration{openidtest.With("email_verified", "true")}, "ES256", true, map[string]any{"email_verified": "true"}},
		"two alterations": {
			[]openidtest.Alteration{openidtest.With("sub", ""), openidtest.ForeignKey}, "ES256", false, map[string]any{"sub": ""},
		},
		"broken signature":  {[]openidtest.Alteration{openidtest.BrokenSignature}, "ES256", false, nil},
		"unsigned":          {[]openidtest.Alteration{openidtest.Unsigned}, "none", false, nil},
		"public key as MAC": {[]openidtest.Alteration{openidtest.PublicKeyAsSecret}, "HS256", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s.SignIn("42", openidtest.Claims{"email": "ada@example.com", "email_verified": true}, tc.alterations...)
			request := tokenRequest(authorize(t, s, "").Get("code"))
			response := client.Send(t, "POST", s.URL+openidtest.TokenPath, request.Encode(), httpclient.Form)
			header, claims, verified := parse(t, s, response.Member("id_token"))
			if header["alg"] != tc.algorithm || verified != tc.verified {
				t.Errorf("got algorithm %v, verified %v; want %v, %v", header["alg"], verified, tc.algorithm, tc.verified)
			}
			want := map[string]any{
				"iss": s.URL, "aud": "id", "sub": "42", "nonce": "a nonce", "email": "ada@example.com", "email_verified": true,
				"iat": float64(noon.Unix()), "exp": float64(noon.Add(time.Hour).Unix()),
			}
			maps.Copy(want, tc.changes)
			maps.DeleteFunc(want, func(_ string, value any) bool { return value == nil })
			if !maps.Equal(claims, want) {
				t.Errorf("got claims %v, want %v", claims, want)
			}
		})
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	s := start(t)
	s.SignIn("42", nil)
	for name, tc := range map[string]struct {
		change, value string
		status        int
		want          string
	}{
		"another client":   {"client_id", "x", 401, "invalid_client"},
		"another secret":   {"client_secret", "x", 401, "invalid_client"},
		"another code":     {"code", "x", 400, "invalid_grant"},
		"another verifier": {"code_verifier", "x", 400, "invalid_grant"},
		"another grant":    {"grant_type", "password", 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			request := tokenRequest(authorize(t, s, "").Get("code"))
			request.Set(tc.change, tc.value)
			response := client.Send(t, "POST", s.URL+openidtest.TokenPath, request.Encode(), httpclient.Form)
			if response.Status != tc.status || response.Member("error") != tc.want {
				t.Errorf("%s = %q: got %v, want %d %s", tc.change, tc.value, response, tc.status, tc.want)
			}
		})
	}
}

func TestAuthorizationDecidesForTheSelectedAccount(t *testing.T) {
	s := start(t)
	s.SignIn("42", nil)
	s.Deny()
	if got := authorize(t, s, ""); got.Get("error") != "access_denied" || got.Has("code") {
		t.Errorf("without login_hint: got %v, want access_denied, the decision of the last account", got)
	}
	if got := authorize(t, s, "42"); got.Has("error") || !got.Has("code") {
		t.Errorf("login_hint 42: got %v, want a code", got)
	}
	if got := client.Send(t, "GET", s.URL+openidtest.AuthorizePath+"?client_id=x", ""); got.Status != http.StatusBadRequest {
		t.Errorf("unknown application: got %v, want 400", got)
	}
}

func TestDiscoveryDocument(t *testing.T) {
	s := start(t)
	var before, after map[string]any
	get(t, s.URL+openidtest.DiscoveryPath, &before)
	s.Document(openidtest.Claims{"issuer": "https://a.example", "jwks_uri": nil})
	get(t, s.URL+openidtest.DiscoveryPath, &after)
	if before["issuer"] != s.URL || before["jwks_uri"] != s.URL+openidtest.KeysPath {
		t.Errorf("got document %v, want issuer %s and its jwks_uri", before, s.URL)
	}
	if _, ok := after["jwks_uri"]; ok || after["issuer"] != "https://a.example" || after["token_endpoint"] != s.URL+openidtest.TokenPath {
		t.Errorf("got changed document %v, want issuer https://a.example, no jwks_uri and the token endpoint as before", after)
	}
	if got := s.Requests(openidtest.DiscoveryPath); got != 2 {
		t.Errorf("got %d requests, want 2", got)
	}
}
