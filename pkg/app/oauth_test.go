package app

import (
	"context"
	"io"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// oauthStub replaces the rules of sign-in at a provider. It knows the provider acme, and records its arguments.
type oauthStub struct {
	binding  secret.String
	callback signin.Callback
	finished int // calls of Finish
}

func (*oauthStub) CheckProvider(provider string) error {
	if provider != "acme" {
		return signin.UnknownProvider(provider)
	}
	return nil
}

func (o *oauthStub) Start(_ context.Context, provider string, binding secret.String) (signin.Redirect, error) {
	o.binding = binding
	return signin.Redirect{Location: "https://acme.example/", Binding: secret.New("the-binding")}, o.CheckProvider(provider)
}

func (o *oauthStub) Finish(_ context.Context, _ string, callback signin.Callback, binding secret.String) (session.Pair, secret.String, error) {
	o.finished++
	o.callback, o.binding = callback, binding
	return session.Pair{}, secret.New("the-device"), nil
}

// visit sends a request to one of the two endpoints of an https API.
func (o *oauthStub) visit(row contract.Endpoint, provider, query string, headers ...string) *httptest.ResponseRecorder {
	endpoint := oauthStart(o)
	if row == contract.OAuthCallback {
		endpoint = oauthCallback(o)
	}
	request := requestTo(endpoint, "https://auth.example.com/"+query, "", headers...)
	request.SetPathValue("provider", provider)
	return respondTo(serverOptions(newSessionStore(0), io.Discard), endpoint, request)
}

func TestOAuthStart(t *testing.T) {
	stub := &oauthStub{}
	got := stub.visit(contract.OAuthStart, "acme", "", "Cookie: oauth_binding=planted", "Cookie: __Host-oauth_binding=mine")
	if got.Code != 302 || got.Header().Get("Location") != "https://acme.example/" || got.Body.Len() != 0 {
		t.Errorf("got %d %v %s, want 302 to https://acme.example/ without a body", got.Code, got.Header(), got.Body)
	}
	want := "__Host-oauth_binding=the-binding; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax"
	if set := got.Header().Get("Set-Cookie"); set != want {
		t.Errorf("got Set-Cookie %s, want %s", set, want)
	}
	if stub.binding.Reveal() != "mine" {
		t.Errorf("got the binding %q, want mine", stub.binding.Reveal())
	}
	if refused := stub.visit(contract.OAuthStart, "unknown", ""); refused.Code != 403 || refused.Header().Get("Set-Cookie") != "" {
		t.Errorf("an unknown provider: got %d %v, want 403 without a cookie", refused.Code, refused.Header())
	}
}

func TestOAuthCallback(t *testing.T) {
	stub := &oauthStub{}
	got := stub.visit(contract.OAuthCallback, "acme", "?code=c&state=s&iss=i&error=e&scope=more", "Cookie: __Host-oauth_binding=mine; __Host-device=known")
	want := signin.Callback{Code: secret.New("c"), State: secret.New("s"), Error: "e", Issuer: "i", Device: secret.New("known")}
	if got.Code != 200 || stub.callback != want || stub.binding.Reveal() != "mine" {
		t.Errorf("got %d %s, the callback %+v and the binding %q; want 200, %+v and mine",
			got.Code, got.Body, stub.callback, stub.binding.Reveal(), want)
	}
	if set := got.Header().Get("Set-Cookie"); !strings.HasPrefix(set, "__Host-device=the-device; Path=/; Max-Age=31536000; HttpOnly; Secure") {
		t.Errorf("got Set-Cookie %s, want the device cookie", set)
	}
}

// TestInvalidCallbacks checks that the response names each parameter that is missing or repeated, also unknown ones.
func TestInvalidCallbacks(t *testing.T) {
	const twice = "stands more than once"
	missing := fault.Field{Key: "code", Message: "is required"}
	tests := map[string]struct {
		query string
		code  string
		extra []fault.Field
	}{
		"no parameters":            {"", "validation_failed", []fault.Field{missing}},
		"a state alone":            {"?state=s", "validation_failed", []fault.Field{missing}},
		"empty values":             {"?code=&error=", "validation_failed", []fault.Field{missing}},
		"a code twice":             {"?code=1&code=2", "validation_failed", []fault.Field{{Key: "code", Message: twice}}},
		"an empty code and a code": {"?code=&code=2", "validation_failed", []fault.Field{{Key: "code", Message: twice}, missing}},
		"several twice, in order":  {"?error=1&z=&z=&a=&a=", "validation_failed", []fault.Field{{Key: "a", Message: twice}, {Key: "z", Message: twice}}},
		"a name in invalid UTF-8":  {"?code=1&%ff=&%ff=", "validation_failed", []fault.Field{{Key: "\uFFFD", Message: twice}}},
		"an invalid escape":        {"?code=%zz", "malformed_query", nil},
		"a semicolon":              {"?code=1;state=s", "malformed_query", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stub := &oauthStub{}
			got := stub.visit(contract.OAuthCallback, "acme", test.query)
			var body struct {
				Code  string        `json:"code"`
				Extra []fault.Field `json:"extra"`
			}
			if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil {
				t.Fatalf("%q: got %s, want JSON: %v", test.query, got.Body, err)
			}
			if got.Code != 400 || body.Code != test.code || !reflect.DeepEqual(body.Extra, test.extra) {
				t.Errorf("%q: got %d %s, want 400 %s with %+v", test.query, got.Code, got.Body, test.code, test.extra)
			}
			if stub.finished != 0 {
				t.Errorf("%q: got %d calls of Finish, want 0", test.query, stub.finished)
			}
			if other := stub.visit(contract.OAuthCallback, "unknown", test.query); !strings.Contains(other.Body.String(), "unknown_provider") {
				t.Errorf("%q of an unknown provider: got %d %s, want unknown_provider", test.query, other.Code, other.Body)
			}
		})
	}
}
