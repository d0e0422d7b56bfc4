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

// TestAnIDTokensAddress shows that an address counts only if the provider reports it as verified with the JSON boolean.
func TestAnIDTokensAddress(t *testing.T) {
	tests := map[string]struct {
		verified any // nil for absent
		want     string
	}{
		"verified":     {true, "octavia@example.com"},
		"not verified": {false, ""},
		"a string":     {"true", ""},
		"a number":     {1, ""},
		"null or none": {nil, ""},
		"in an array":  {[]any{true}, ""},
		"another text": {"yes", ""},
		"in an object": {map[string]any{"true": true}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			claims := openidtest.Claims{"email": "octavia@example.com", "given_name": "Octavia", "family_name": "Butler"}
			if test.verified != nil {
				claims["email_verified"] = test.verified
			}
			f.google.SignIn("42", claims)
			got, err := f.identify(t, "google")
			want := signin.Profile{
				Identity: signin.Identity{Issuer: f.google.URL, Subject: "42"},
				Email:    test.want, Name: "octavia", FirstName: "Octavia", LastName: "Butler",
			}
			if err != nil || got != want {
				t.Errorf("Identify = %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

// TestIDTokensThatAreNotGood shows that an invalid ID token is a refusal and never an identity.
func TestIDTokensThatAreNotGood(t *testing.T) {
	with := openidtest.With
	hour := time.Hour
	tests := map[string]openidtest.Alteration{
		"another issuer":          with("iss", "https://accounts.google.com"),
		"no issuer":               openidtest.Without("iss"),
		"another audience":        with("aud", "another"),
		"no audience":             openidtest.Without("aud"),
		"another party":           with("azp", "another"),
		"audiences, no party":     with("aud", []string{client.ID, "another"}),
		"another nonce":           with("nonce", "another"),
		"no nonce":                openidtest.Without("nonce"),
		"expired":                 with("exp", time.Now().Add(-hour).Unix()),
		"no expiry":               openidtest.Without("exp"),
		"not yet valid":           with("nbf", time.Now().Add(hour).Unix()),
		"expiry as text":          with("exp", "tomorrow"),
		"no subject":              openidtest.Without("sub"),
		"an empty subject":        with("sub", ""),
		"a subject of 256":        with("sub", strings.Repeat("s", 256)),
		"a foreign key":           openidtest.ForeignKey,
		"no signature":            openidtest.Unsigned,
		"the public key as HMAC":  openidtest.PublicKeyAsSecret,
		"a broken signature":      openidtest.BrokenSignature,
		"a nonce that is no text": with("nonce", []string{keys.Nonce.Reveal()}),
		"the subject in capitals": func(t *openidtest.IDToken) {
			delete(t.Claims, "sub")
			t.Claims["SUB"] = "42"
		},
	}
	for name, alteration := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.google.SignIn("42", openidtest.Claims{"email": "octavia@example.com", "email_verified": true}, alteration)
			if got, err := f.identify(t, "google"); !errors.Is(err, signin.ErrOAuthFailed) {
				t.Errorf("Identify = %+v, %v; want %v", got, err, signin.ErrOAuthFailed)
			}
		})
	}
}

// TestClaimsWithSimilarNames shows that names are case-sensitive (RFC 7519 §4). A provider may let users choose some claims.
func TestClaimsWithSimilarNames(t *testing.T) {
	f := newFixture(t)
	f.google.SignIn("42", openidtest.Claims{"email": "own@example.com", "email_verified": false},
		openidtest.With("email_Verified", true), openidtest.With("eMail", "octavia@example.com"), openidtest.With("suB", "43"),
		openidtest.With("azP", "another"))
	got, err := f.identify(t, "google")
	if err != nil || got.Email != "" || got.Name != "own" || got.Subject != "42" {
		t.Errorf("Identify = %+v, %v; want the subject 42 and the name own without an address", got, err)
	}
}

func TestValidIDTokens(t *testing.T) {
	tests := map[string]openidtest.Alteration{
		"the authorized party":       openidtest.With("azp", client.ID),
		"several audiences, a party": func(t *openidtest.IDToken) { t.Claims["aud"], t.Claims["azp"] = []string{client.ID, "x"}, client.ID },
		"a subject of 255":           openidtest.With("sub", strings.Repeat("s", 255)),
	}
	for name, alteration := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.google.SignIn("42", nil, alteration)
			if _, err := f.identify(t, "google"); err != nil {
				t.Errorf("Identify returned the error %v, want nil", err)
			}
		})
	}
}

// TestAuthorizationRequests checks the scopes of the contract, and that the code is bound to this flow (RFC 7636 §4.3).
func TestAuthorizationRequests(t *testing.T) {
	f := newFixture(t)
	for name, scope := range map[string]string{"github": "user:email", "google": "openid email profile"} {
		location, err := f.provider(t, name).AuthorizationURL(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		target, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		query := target.Query()
		if query.Get("scope") != scope || query.Get("code_challenge_method") != "S256" || query.Has("code_verifier") {
			t.Errorf("%s: got the query %v, want the scope %q and an S256 challenge", name, query, scope)
		}
	}
}

// TestTheSecretIsSentAsTheProviderOffers covers the authentication methods of a client.
func TestTheSecretIsSentAsTheProviderOffers(t *testing.T) {
	for name, methods := range map[string]any{
		"both": []string{"client_secret_basic", "client_secret_post"}, "basic": []string{"client_secret_basic"}, "not stated": nil,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.google.Document(openidtest.Claims{"token_endpoint_auth_methods_supported": methods})
			f.google.SignIn("42", nil)
			if _, err := f.identify(t, "google"); err != nil {
				t.Errorf("Identify returned the error %v, want nil", err)
			}
		})
	}
}

func TestInvalidDocuments(t *testing.T) {
	for name, changes := range map[string]openidtest.Claims{
		"another issuer":    {"issuer": "https://elsewhere.example"},
		"no authorization":  {"authorization_endpoint": nil},
		"no token endpoint": {"token_endpoint": nil},
		"no keys":           {"jwks_uri": nil},

		"authorization without TLS": {"authorization_endpoint": "http://op.example.com/authorize"},
		"the secret without TLS":    {"token_endpoint": "http://op.example.com/token"},
		"keys without TLS":          {"jwks_uri": "http://op.example.com/keys"},
		"a name like loopback":      {"token_endpoint": "http://localhost.example.com/token"},
		"another scheme":            {"authorization_endpoint": "javascript:alert(1)"},
		"no address":                {"token_endpoint": "%zz"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.google.Document(changes)
			if _, err := f.provider(t, "google").AuthorizationURL(t.Context(), keys); !errors.Is(err, signin.ErrOAuthProviderFailed) {
				t.Errorf("AuthorizationURL returned the error %v, want %v", err, signin.ErrOAuthProviderFailed)
			}
		})
	}
}

// TestTheDocumentIsReadOnce also shows that it is not read before it is needed.
func TestTheDocumentIsReadOnce(t *testing.T) {
	f := newFixture(t)
	f.provider(t, "google").Issuer()
	if got := f.google.Requests(openidtest.DiscoveryPath); got != 0 {
		t.Errorf("before the first sign-in: got %d reads of the document, want 0", got)
	}
	f.google.SignIn("42", nil)
	for range 2 {
		if _, err := f.identify(t, "google"); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.google.Requests(openidtest.DiscoveryPath); got != 1 {
		t.Errorf("after two sign-ins: got %d reads of the document, want 1", got)
	}
}

// TestAProviderAddedByConfiguration shows that a further provider of OpenID Connect needs nothing but settings.
func TestAProviderAddedByConfiguration(t *testing.T) {
	f := newFixture(t)
	f.google.SignIn("42", openidtest.Claims{"email": "octavia@example.com", "email_verified": true})
	got, err := f.identify(t, "gitlab")
	want := signin.Profile{
		Identity: signin.Identity{Issuer: f.google.URL, Subject: "42"}, Email: "octavia@example.com", Name: "octavia",
	}
	if err != nil || got != want {
		t.Errorf("Identify = %+v, %v; want %+v", got, err, want)
	}
}
