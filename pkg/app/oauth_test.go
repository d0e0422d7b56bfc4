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

// oauthStub stands for the rules of signing in by a provider: it knows acme, and keeps what it was called with.
type oauthStub struct {
	binding  secret.String
	callback signin.Callback
	finished int
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

// visit makes a request to one of the two endpoints, in front of an https API.
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
		t.Errorf("the answer is %d %v %s", got.Code, got.Header(), got.Body)
	}
	want := "__Host-oauth_binding=the-binding; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax"
	if set := got.Header().Get("Set-Cookie"); set != want {
		t.Errorf("the cookie is %s", set)
	}
	if stub.binding.Reveal() != "mine" {
		t.Errorf("the binding is %q", stub.binding.Reveal())
	}
	if refused := stub.visit(contract.OAuthStart, "nobody", ""); refused.Code != 403 || refused.Header().Get("Set-Cookie") != "" {
		t.Errorf("an unknown provider is %d %v", refused.Code, refused.Header())
	}
}

func TestOAuthCallback(t *testing.T) {
	stub := &oauthStub{}
	got := stub.visit(contract.OAuthCallback, "acme", "?code=c&state=s&iss=i&error=e&scope=more", "Cookie: __Host-oauth_binding=mine; __Host-device=known")
	want := signin.Callback{Code: secret.New("c"), State: secret.New("s"), Error: "e", Issuer: "i", Device: secret.New("known")}
	if got.Code != 200 || stub.callback != want || stub.binding.Reveal() != "mine" {
		t.Errorf("the answer is %d %s, the callback %+v of %q", got.Code, got.Body, stub.callback, stub.binding.Reveal())
	}
	if set := got.Header().Get("Set-Cookie"); !strings.HasPrefix(set, "__Host-device=the-device; Path=/; Max-Age=31536000; HttpOnly; Secure") {
		t.Errorf("the cookie is %s", set)
	}
}

// TestCallbacksThatDoNotFit name what stands twice or is missing, whatever its name is.
func TestCallbacksThatDoNotFit(t *testing.T) {
	const twice = "stands more than once"
	missing := fault.Field{Key: "code", Message: "is required"}
	tests := map[string]struct {
		query string
		code  string
		extra []fault.Field
	}{
		"nothing":                  {"", "validation_failed", []fault.Field{missing}},
		"a state alone":            {"?state=s", "validation_failed", []fault.Field{missing}},
		"empty is absent":          {"?code=&error=", "validation_failed", []fault.Field{missing}},
		"a code twice":             {"?code=1&code=2", "validation_failed", []fault.Field{{Key: "code", Message: twice}}},
		"an empty one and a code":  {"?code=&code=2", "validation_failed", []fault.Field{{Key: "code", Message: twice}, missing}},
		"several twice, in order":  {"?error=1&z=&z=&a=&a=", "validation_failed", []fault.Field{{Key: "a", Message: twice}, {Key: "z", Message: twice}}},
		"a name that is no text":   {"?code=1&%ff=&%ff=", "validation_failed", []fault.Field{{Key: "\uFFFD", Message: twice}}},
		"an escape that is none":   {"?code=%zz", "malformed_query", nil},
		"a separator of old times": {"?code=1;state=s", "malformed_query", nil},
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
				t.Fatalf("the answer is %s: %v", got.Body, err)
			}
			if got.Code != 400 || body.Code != test.code || !reflect.DeepEqual(body.Extra, test.extra) {
				t.Errorf("the answer is %d %s", got.Code, got.Body)
			}
			if stub.finished != 0 {
				t.Error("the flow went on")
			}
			if other := stub.visit(contract.OAuthCallback, "nobody", test.query); !strings.Contains(other.Body.String(), "unknown_provider") {
				t.Errorf("of an unknown provider: %d %s", other.Code, other.Body)
			}
		})
	}
}
