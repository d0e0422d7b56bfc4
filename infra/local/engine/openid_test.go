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
)

const verifier = "a-verifier-of-at-least-43-characters-0123456789"

// person is a browser at the provider: it keeps cookies, and stops where the application would come in.
type person struct {
	t        *testing.T
	provider *engine.Engine
	client   *http.Client
}

func arrive(t *testing.T, provider *engine.Engine) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, provider, &http.Client{Jar: jar, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(next.URL.String(), redirectURI) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// authorize asks for a sign-in and returns where the person ends up, and the page there.
func (p *person) authorize(changes url.Values) (*http.Response, string) {
	p.t.Helper()
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"client_id": {"id"}, "response_type": {"code"}, "scope": {"openid email profile"}, "redirect_uri": {redirectURI},
		"state": {"a state"}, "nonce": {"a nonce"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	for name, values := range changes {
		query[name] = values
	}
	return p.read(p.client.Get(p.provider.Endpoint + "/auth?" + query.Encode()))
}

// submit sends the login form and returns what the application's callback gets.
func (p *person) submit(page string, form url.Values) url.Values {
	p.t.Helper()
	response, body := p.read(p.client.PostForm(page, form))
	callback, err := response.Location()
	if err != nil {
		p.t.Fatalf("no way to the application: %d %s", response.StatusCode, body)
	}
	return callback.Query()
}

// exchange gives a code for the claims of an ID token.
func (p *person) exchange(code string) map[string]any {
	p.t.Helper()
	_, body := p.read(p.client.PostForm(p.provider.Endpoint+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
		"client_id": {"id"}, "client_secret": {"secret"},
	}))
	var answer struct {
		Token string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || strings.Count(answer.Token, ".") != 2 {
		p.t.Fatalf("no ID token in %s", body)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.Token, ".")[1])
	if err != nil {
		p.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		p.t.Fatal(err)
	}
	return claims
}

func (p *person) read(response *http.Response, err error) (*http.Response, string) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response, string(body)
}

func (p *person) signIn(form url.Values) map[string]any {
	p.t.Helper()
	login, _ := p.authorize(nil)
	query := p.submit(login.Request.URL.String(), form)
	if query.Get("state") != "a state" {
		p.t.Errorf("state %q", query.Get("state"))
	}
	return p.exchange(query.Get("code"))
}

func TestOpenIDTellsWhatThePersonTyped(t *testing.T) {
	someone := arrive(t, openID(t))
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
			claims := someone.signIn(tc.form)
			tc.want["iss"], tc.want["aud"], tc.want["nonce"] = someone.provider.Endpoint, "id", "a nonce"
			for claim, want := range tc.want {
				if claims[claim] != want {
					t.Errorf("%s is %v, want %v", claim, claims[claim], want)
				}
			}
		})
	}
}

func TestOpenIDKnowsAnAddressAgainAfterARestart(t *testing.T) {
	first, second := arrive(t, openID(t)), arrive(t, openID(t))
	before := first.signIn(url.Values{"email": {"ada@example.com"}})["sub"]
	if again := second.signIn(url.Values{"email": {"ADA@example.com"}})["sub"]; again != before {
		t.Errorf("subject %v, before the restart %v", again, before)
	}
	if other := second.signIn(url.Values{"email": {"bob@example.com"}})["sub"]; other == before {
		t.Error("two addresses are one subject")
	}
}

func TestOpenIDRefuses(t *testing.T) {
	someone := arrive(t, openID(t))
	login, page := someone.authorize(url.Values{"login_hint": {`"><script>`}})
	if strings.Contains(page, "<script") || !strings.Contains(page, "&quot;&gt;&lt;script&gt;") {
		t.Errorf("the hint is markup in %s", page)
	}
	if got := someone.submit(login.Request.URL.String(), url.Values{"cancel": {"1"}}).Get("error"); got != "access_denied" {
		t.Errorf("cancelled: error %q", got)
	}
	if response, _ := someone.read(someone.client.Get(login.Request.URL.String())); response.StatusCode != http.StatusBadRequest {
		t.Errorf("the login page of a sign-in that is over: %d", response.StatusCode)
	}
	if response, _ := someone.authorize(url.Values{"redirect_uri": {"http://localhost:2/"}}); response.StatusCode != http.StatusBadRequest {
		t.Errorf("a foreign redirect URI: %d", response.StatusCode)
	}
	for name, change := range map[string]url.Values{
		"no PKCE":    {"code_challenge": {""}, "code_challenge_method": {""}},
		"plain PKCE": {"code_challenge": {verifier}, "code_challenge_method": {"plain"}},
	} {
		response, _ := someone.authorize(change)
		callback, err := response.Location()
		if err != nil || callback.Query().Get("error") != "invalid_request" {
			t.Errorf("%s: sent to %v, %v", name, callback, err)
		}
	}
}

func openID(t *testing.T) *engine.Engine {
	t.Helper()
	e, err := startOpenID(t.Context(), engine.Options{Root: root(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	return e
}
