package app_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/pkg/app"
	"latchkey/pkg/contract"
	"latchkey/pkg/oauth"
	"latchkey/pkg/pages/html"
	"latchkey/pkg/token"
)

func environment(t *testing.T) map[string]string {
	t.Helper()
	keys, err := token.GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"PUBLIC_URL": "https://auth.example.com", "USERS_TABLE": "Users", "SESSIONS_TABLE": "Sessions", "AWS_REGION": "eu-central-1",
		"DYNAMODB_ENDPOINT": "http://127.0.0.1:1", "SIGNING_KEYS": string(keys),
	}
}

func build(function app.Function, env map[string]string) error {
	_, err := app.Build(function, func(name string) string { return env[name] }, io.Discard)
	return err
}

// functions are all that serve HTTP.
var functions = map[string]app.Function{
	"register": app.Register, "login": app.Login, "refresh": app.Refresh, "logout": app.Logout, "me": app.Me, "health": app.Health,
	"oauth-start": app.OAuthStart(oauth.NewProviders), "oauth-callback": app.OAuthCallback(oauth.NewProviders),
	"session-login": app.SessionLogin, "session-logout": app.SessionLogout, "send-verification": app.SendVerification,
	"verify-email": app.VerifyEmail, "forgot-password": app.ForgotPassword, "reset-password": app.ResetPassword,
	"verify-email-page": app.VerifyEmailPage(html.Render), "reset-password-page": app.ResetPasswordPage(html.Render), "jwks": app.JWKS,
	"openid-configuration": app.Discovery, "fallback": app.Fallback,
}

func TestEveryFunctionIsBuiltAndKnown(t *testing.T) {
	for name, function := range functions {
		if err := build(function, environment(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, route := range contract.Endpoints {
		if functions[route.Function] == nil {
			t.Errorf("%s is not among the functions here", route.Function)
		}
	}
}

func TestAFaultOfTheConfigurationStopsEveryFunction(t *testing.T) {
	for name, function := range functions {
		env := environment(t)
		env["PUBLIC_URL"], env["LOG_LEVEL"] = "http://auth.example.com", "LOUD"
		err := build(function, env)
		if err == nil || !strings.Contains(err.Error(), "PUBLIC_URL: ") || !strings.Contains(err.Error(), "LOG_LEVEL: ") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// TestABrokenKeySetStopsWhatNeedsIt, with the faults of both named at once.
func TestABrokenKeySetStopsWhatNeedsIt(t *testing.T) {
	for name, keys := range map[string]string{"missing": "", "no JSON": "{", "empty": `{"keys":[]}`} {
		env := environment(t)
		env["SIGNING_KEYS"], env["LOG_LEVEL"] = keys, "LOUD"
		err := build(app.Login, env)
		if err == nil || !strings.Contains(err.Error(), "SIGNING_KEYS: ") || !strings.Contains(err.Error(), "LOG_LEVEL: ") {
			t.Errorf("%s: the error is %v", name, err)
		}
		env["LOG_LEVEL"] = "INFO"
		if err := build(app.Health, env); err != nil {
			t.Errorf("%s: health needs no keys: %v", name, err)
		}
	}
}

func TestDiscoveryAgreesWithTheTokens(t *testing.T) {
	env := environment(t)
	handler, err := app.Build(app.Discovery, func(name string) string { return env[name] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", contract.Discovery.Path, nil)
	request.Pattern = contract.Discovery.Key()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	var told struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &told); err != nil {
		t.Fatal(err)
	}
	if told.Issuer != "https://auth.example.com" || told.JWKS != told.Issuer+contract.JWKS.Path {
		t.Errorf("the answer is %s", answer.Body)
	}
}

// TestEveryLogLineNamesItsFunction: all functions of a stack write to one log group.
func TestEveryLogLineNamesItsFunction(t *testing.T) {
	env := environment(t)
	env["AWS_LAMBDA_FUNCTION_NAME"] = "latchkey-dev-Discovery-1A2B3C"
	var logs bytes.Buffer
	handler, err := app.Build(app.Discovery, func(name string) string { return env[name] }, &logs)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", contract.Discovery.Path, nil)
	request.Pattern = contract.Discovery.Key()
	handler.ServeHTTP(httptest.NewRecorder(), request)
	var line struct {
		Function string `json:"function"`
		Route    string `json:"route"`
	}
	if err := json.Unmarshal(logs.Bytes(), &line); err != nil {
		t.Fatalf("the log is %q: %v", logs.String(), err)
	}
	if line.Function != env["AWS_LAMBDA_FUNCTION_NAME"] || line.Route != contract.Discovery.Key() {
		t.Errorf("got %q, want a line of %s", logs.String(), env["AWS_LAMBDA_FUNCTION_NAME"])
	}
}
