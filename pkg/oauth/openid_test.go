package oauth_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/infra/testkit/openidtest"
	"latchkey/pkg/signin"
)

// TestAnIDTokensAddress counts only if the provider says that it is verified, by the JSON boolean.
func TestAnIDTokensAddress(t *testing.T) {
	tests := map[string]struct {
		verified any // nil for absent
		want     string
	}{
		"verified":      {true, "octavia@example.com"},
		"not verified":  {false, ""},
		"a string":      {"true", ""},
		"a number":      {1, ""},
		"null or none":  {nil, ""},
		"in an array":   {[]any{true}, ""},
		"another text":  {"yes", ""},
		"in an object ": {map[string]any{"true": true}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			claims := openidtest.Claims{"email": "octavia@example.com", "given_name": "Octavia", "family_name": "Butler"}
			if test.verified != nil {
				claims["email_verified"] = test.verified
			}
			h.google.SignIn("42", claims)
			got, err := h.identify(t, "google")
			want := signin.Profile{
				Identity: signin.Identity{Issuer: h.google.URL, Subject: "42"},
				Email:    test.want, Name: "octavia", FirstName: "Octavia", LastName: "Butler",
			}
			if err != nil || got != want {
				t.Errorf("identified %+v, error %v", got, err)
			}
		})
	}
}

// TestIDTokensThatAreNotGood: a wrong one is a refusal, never an identity.
func TestIDTokensThatAreNotGood(t *testing.T) {
	with := openidtest.With
	hour := time.Hour
	tests := map[string]openidtest.Alteration{
		"another issuer":         with("iss", "https://accounts.google.com"),
		"no issuer":              openidtest.Without("iss"),
		"another audience":       with("aud", "another"),
		"no audience":            openidtest.Without("aud"),
		"another party":          with("azp", "another"),
		"audiences, no party":    with("aud", []string{client.ID, "another"}),
		"another nonce":          with("nonce", "another"),
		"no nonce":               openidtest.Without("nonce"),
		"expired":                with("exp", time.Now().Add(-hour).Unix()),
		"no expiry":              openidtest.Without("exp"),
		"not yet valid":          with("nbf", time.Now().Add(hour).Unix()),
		"expiry as text":         with("exp", "tomorrow"),
		"no subject":             openidtest.Without("sub"),
		"an empty subject":       with("sub", ""),
		"a subject of 256":       with("sub", strings.Repeat("s", 256)),
		"a foreign key":          openidtest.ForeignKey,
		"no signature":           openidtest.Unsigned,
		"the public key as HMAC": openidtest.PublicKeyAsSecret,
		"a broken signature":     openidtest.BrokenSignature,
		"no text as its nonce":   with("nonce", []string{keys.Nonce.Reveal()}),
		"the subject in capitals": func(t *openidtest.IDToken) {
			delete(t.Claims, "sub")
			t.Claims["SUB"] = "42"
		},
	}
	for name, alteration := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.google.SignIn("42", openidtest.Claims{"email": "octavia@example.com", "email_verified": true}, alteration)
			if got, err := h.identify(t, "google"); !errors.Is(err, signin.ErrOAuthFailed) {
				t.Errorf("identified %+v, error %v", got, err)
			}
		})
	}
}

// TestClaimsOfLikeNames are others: names are case-sensitive (RFC 7519 §4), and a provider may let people choose some.
func TestClaimsOfLikeNames(t *testing.T) {
	h := newHouse(t)
	h.google.SignIn("42", openidtest.Claims{"email": "own@example.com", "email_verified": false},
		openidtest.With("email_Verified", true), openidtest.With("eMail", "octavia@example.com"), openidtest.With("suB", "43"),
		openidtest.With("azP", "another"))
	got, err := h.identify(t, "google")
	if err != nil || got.Email != "" || got.Name != "own" || got.Subject != "42" {
		t.Errorf("identified %+v, error %v", got, err)
	}
}

func TestIDTokensThatAreGood(t *testing.T) {
	tests := map[string]openidtest.Alteration{
		"the party is named":         openidtest.With("azp", client.ID),
		"several audiences, a party": func(t *openidtest.IDToken) { t.Claims["aud"], t.Claims["azp"] = []string{client.ID, "x"}, client.ID },
		"a subject of 255":           openidtest.With("sub", strings.Repeat("s", 255)),
	}
	for name, alteration := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.google.SignIn("42", nil, alteration)
			if _, err := h.identify(t, "google"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhatIsAskedFor: the scopes of the contract, and a code bound to this flow (RFC 7636 §4.3).
func TestWhatIsAskedFor(t *testing.T) {
	h := newHouse(t)
	for name, scope := range map[string]string{"github": "user:email", "google": "openid email profile"} {
		location, err := h.provider(t, name).AuthorizationURL(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		target, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		asked := target.Query()
		if asked.Get("scope") != scope || asked.Get("code_challenge_method") != "S256" || asked.Has("code_verifier") {
			t.Errorf("%s is asked for %v", name, asked)
		}
	}
}

// TestHowTheSecretIsShown follows what the provider offers.
func TestHowTheSecretIsShown(t *testing.T) {
	for name, methods := range map[string]any{
		"both": []string{"client_secret_basic", "client_secret_post"}, "basic": []string{"client_secret_basic"}, "it does not say": nil,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.google.Document(openidtest.Claims{"token_endpoint_auth_methods_supported": methods})
			h.google.SignIn("42", nil)
			if _, err := h.identify(t, "google"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDocumentsThatAreNotGood(t *testing.T) {
	for name, changes := range map[string]openidtest.Claims{
		"another issuer":    {"issuer": "https://elsewhere.example"},
		"no authorization":  {"authorization_endpoint": nil},
		"no token endpoint": {"token_endpoint": nil},
		"no keys":           {"jwks_uri": nil},

		"authorization in the clear": {"authorization_endpoint": "http://op.example.com/authorize"},
		"the secret in the clear":    {"token_endpoint": "http://op.example.com/token"},
		"keys in the clear":          {"jwks_uri": "http://op.example.com/keys"},
		"loopback, as it seems":      {"token_endpoint": "http://localhost.example.com/token"},
		"another scheme":             {"authorization_endpoint": "javascript:alert(1)"},
		"no address":                 {"token_endpoint": "%zz"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.google.Document(changes)
			if _, err := h.provider(t, "google").AuthorizationURL(t.Context(), keys); !errors.Is(err, signin.ErrOAuthProviderFailed) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestTheDocumentIsReadOnce, and not before it is needed.
func TestTheDocumentIsReadOnce(t *testing.T) {
	h := newHouse(t)
	h.provider(t, "google").Issuer()
	if got := h.google.Requests(openidtest.DiscoveryPath); got != 0 {
		t.Errorf("it was read %d times before", got)
	}
	h.google.SignIn("42", nil)
	for range 2 {
		if _, err := h.identify(t, "google"); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.google.Requests(openidtest.DiscoveryPath); got != 1 {
		t.Errorf("it was read %d times", got)
	}
}
