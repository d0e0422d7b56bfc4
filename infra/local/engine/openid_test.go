package engine_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"latchkey/infra/local/engine"
	"latchkey/infra/testkit"
)

const verifier = "a-verifier-of-at-least-43-characters-0123456789"

// browser visits the provider. It keeps cookies, and does not follow the redirect to the application.
type browser struct {
	t        *testing.T
	provider *engine.Engine
	client   *http.Client
}

func newBrowser(t *testing.T, provider *engine.Engine) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, provider, &http.Client{Jar: jar, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(next.URL.String(), redirectURI) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// authorize starts a sign-in and returns the last response and its page.
func (b *browser) authorize(changes url.Values) (*http.Response, string) {
	b.t.Helper()
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"client_id": {"id"}, "response_type": {"code"}, "scope": {"openid email profile"}, "redirect_uri": {redirectURI},
		"state": {"a state"}, "nonce": {"a nonce"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	for name, values := range changes {
		query[name] = values
	}
	return b.read(b.client.Get(b.provider.Endpoint + "/auth?" + query.Encode()))
}

// submit sends the login form and returns the parameters of the application's callback.
func (b *browser) submit(page string, form url.Values) url.Values {
	b.t.Helper()
	response, body := b.read(b.client.PostForm(page, form))
	callback, err := response.Location()
	if err != nil {
		b.t.Fatalf("login form %v: got %d %s, want a redirect to the application", form, response.StatusCode, body)
	}
	return callback.Query()
}

// exchange redeems a code and returns the claims of the ID token.
func (b *browser) exchange(code string) map[string]any {
	b.t.Helper()
	_, body := b.read(b.client.PostForm(b.provider.Endpoint+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
		"client_id": {"id"}, "client_secret": {"secret"},
	}))
	var tokens struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || strings.Count(tokens.IDToken, ".") != 2 {
		b.t.Fatalf("token response: got %s, want an ID token", body)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.IDToken, ".")[1])
	if err != nil {
		b.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		b.t.Fatal(err)
	}
	return claims
}

func (b *browser) read(response *http.Response, err error) (*http.Response, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response, string(body)
}

func (b *browser) signIn(form url.Values) map[string]any {
	b.t.Helper()
	login, _ := b.authorize(nil)
	query := b.submit(login.Request.URL.String(), form)
	if query.Get("state") != "a state" {
		b.t.Errorf("got state %q, want %q", query.Get("state"), "a state")
	}
	return b.exchange(query.Get("code"))
}

func TestOpenIDReturnsTheClaimsOfTheForm(t *testing.T) {
	b := newBrowser(t, openID(t))
	for name, tc := range map[string]struct {
		form url.Values
		want map[string]any
	}{
		"verified, with names": {
			url.Values{"email": {"Ada@example.com"}, "verified": {"on"}, "given_name": {"Ada"}, "family_name": {"Lovelace"}},
			map[string]any{"email": "Ada@example.com", "email_verified": true, "given_name": "Ada", "family_name": "Lovelace"},
		},
		"not verified": {
			url.Values{"email": {"bob@example.com"}},
			map[string]any{"email": "bob@example.com", "email_verified": false, "given_name": nil, "family_name": nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			claims := b.signIn(tc.form)
			tc.want["iss"], tc.want["aud"], tc.want["nonce"] = b.provider.Endpoint, "id", "a nonce"
			for claim, want := range tc.want {
				if claims[claim] != want {
					t.Errorf("form %v: got %s %v, want %v", tc.form, claim, claims[claim], want)
				}
			}
		})
	}
}

func TestOpenIDKeepsSubjectsAcrossRestarts(t *testing.T) {
	first, second := newBrowser(t, openID(t)), newBrowser(t, openID(t))
	want := first.signIn(url.Values{"email": {"ada@example.com"}})["sub"]
	if got := second.signIn(url.Values{"email": {"ADA@example.com"}})["sub"]; got != want {
		t.Errorf("ADA@example.com: got subject %v, want that of ada@example.com before the restart, %v", got, want)
	}
	if got := second.signIn(url.Values{"email": {"bob@example.com"}})["sub"]; got == want {
		t.Errorf("bob@example.com: got subject %v, want another than that of ada@example.com", got)
	}
}

func TestOpenIDRefuses(t *testing.T) {
	b := newBrowser(t, openID(t))
	login, page := b.authorize(url.Values{"login_hint": {`"><script>`}})
	if strings.Contains(page, "<script") || !strings.Contains(page, "&quot;&gt;&lt;script&gt;") {
		t.Errorf("login page: got %s, want the login_hint escaped", page)
	}
	if got := b.submit(login.Request.URL.String(), url.Values{"cancel": {"1"}}).Get("error"); got != "access_denied" {
		t.Errorf("cancelled sign-in: got error %q, want access_denied", got)
	}
	if response, _ := b.read(b.client.Get(login.Request.URL.String())); response.StatusCode != http.StatusBadRequest {
		t.Errorf("login page of a finished sign-in: got %d, want 400", response.StatusCode)
	}
	if response, _ := b.authorize(url.Values{"redirect_uri": {"http://localhost:2/"}}); response.StatusCode != http.StatusBadRequest {
		t.Errorf("foreign redirect URI: got %d, want 400", response.StatusCode)
	}
	for name, change := range map[string]url.Values{
		"no PKCE":    {"code_challenge": {""}, "code_challenge_method": {""}},
		"plain PKCE": {"code_challenge": {verifier}, "code_challenge_method": {"plain"}},
	} {
		response, _ := b.authorize(change)
		callback, err := response.Location()
		if err != nil || callback.Query().Get("error") != "invalid_request" {
			t.Errorf("%s: got redirect to %v (%v), want the error invalid_request", name, callback, err)
		}
	}
}

func openID(t *testing.T) *engine.Engine {
	t.Helper()
	e, err := startOpenID(t.Context(), engine.Options{Root: testkit.Root(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	return e
}
