package app

import (
	"bytes"
	"crypto/rand"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/contract"
	"latchkey/pkg/oauth"
	"latchkey/pkg/pages/html"
	"latchkey/pkg/token"
)

// functions holds the functions that have a rehearsal, by their folders.
var functions = map[string]Function{
	"fallback": Fallback, "forgot-password": ForgotPassword, "health": Health, "jwks": JWKS, "login": Login, "logout": Logout, "me": Me,
	"oauth-callback": OAuthCallback(oauth.NewProviders), "oauth-start": OAuthStart(oauth.NewProviders), "openid-configuration": Discovery,
	"refresh": Refresh, "register": Register, "reset-password": ResetPassword, "reset-password-page": ResetPasswordPage(html.Render),
	"send-verification": SendVerification, "session-login": SessionLogin, "session-logout": SessionLogout, "verify-email": VerifyEmail,
	"verify-email-page": VerifyEmailPage(html.Render),
}

// rehearsalParts returns the parts of a function in AWS, whose services respond to each call with status 500. calls counts the calls.
func rehearsalParts(t *testing.T, changes map[string]string) (parts *Parts, logs *bytes.Buffer, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	services := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(services.Close)
	env := map[string]string{
		"PUBLIC_URL": "", "PUBLIC_URL_PARAMETER": "/stack/public-url", "USERS_TABLE": "Users", "SESSIONS_TABLE": "Sessions",
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "KEYS_PREFIX": "/stack/keys",
		"SIGNING_ALGORITHM": "RS256", "CLIENT_KEYS_PARAMETER": "/stack/clients", "DYNAMODB_ENDPOINT": services.URL,
		"SSM_ENDPOINT": services.URL,
	}
	maps.Copy(env, changes)
	logs = new(bytes.Buffer)
	parts = newParts(func(name string) string { return env[name] }, logs, time.Now, rand.Reader)
	if err := parts.err(); err != nil {
		t.Fatal(err)
	}
	return parts, logs, calls
}

// TestRehearsals checks that the rehearsal of each function responds as a successful request does, without a call and without a line
// in the log.
func TestRehearsals(t *testing.T) {
	want := []string{"fallback"}
	for _, endpoint := range contract.Endpoints {
		want = append(want, endpoint.Function)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(functions)); !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("got rehearsals of %v, want %v: change functions in pkg/app/rehearsal_test.go", got, slices.Compact(want))
	}
	for name, function := range functions {
		for _, neutral := range []string{"false", "true"} {
			t.Run(name+", REGISTER_NEUTRAL="+neutral, func(t *testing.T) {
				parts, logs, calls := rehearsalParts(t, map[string]string{"REGISTER_NEUTRAL": neutral})
				if err := newRehearsal(function, parts).serve(); err != nil {
					t.Error(err)
				}
				if calls.Load() != 0 || logs.Len() != 0 {
					t.Errorf("got %d calls and the log %q, want none", calls.Load(), logs)
				}
			})
		}
	}
}

// TestTokensOfARehearsalAreRefused checks that a function accepts no token of its own rehearsal.
func TestTokensOfARehearsalAreRefused(t *testing.T) {
	keys, err := token.GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	parts, _, calls := rehearsalParts(t, map[string]string{
		"PUBLIC_URL": rehearsalURL, "SIGNING_KEYS": string(keys), "SIGNING_ALGORITHM": "ES256", "CLIENT_KEYS_PARAMETER": "",
	})
	rehearsed := newRehearsal(Me, parts)
	world, err := newRehearsalData(rehearsed)
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("POST", contract.Me.Path, nil)
	request.Pattern = contract.Me.Key()
	request.Header.Set("Authorization", "Bearer "+world.pair.Access.Reveal())
	response := httptest.NewRecorder()
	Me(parts).ServeHTTP(response, request)
	if response.Code != http.StatusUnauthorized || calls.Load() != 0 {
		t.Errorf("got status %d after %d calls, want %d without a call", response.Code, calls.Load(), http.StatusUnauthorized)
	}
}

// TestAFunctionReadsEverythingAtTheSameTime lets no call before the first event return until all of them have arrived.
func TestAFunctionReadsEverythingAtTheSameTime(t *testing.T) {
	const want = 4 // the keys, the client keys, the address of the API, and the store
	var arrived atomic.Int32
	all := make(chan struct{})
	services := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if arrived.Add(1) == want {
			close(all)
		}
		select {
		case <-all:
		case <-time.After(3 * time.Second):
		}
		w.WriteHeader(http.StatusBadRequest) // is not retried
	}))
	defer services.Close()
	parts, _, _ := rehearsalParts(t, map[string]string{"DYNAMODB_ENDPOINT": services.URL, "SSM_ENDPOINT": services.URL})
	parts.open(newRehearsal(Me, parts).needs(), func(string) string { return "" }, func() {})
	select {
	case <-all:
	default:
		t.Errorf("got %d calls at the same time, want %d", arrived.Load(), want)
	}
	for _, fault := range []string{"KEYS_PREFIX: ", "CLIENT_KEYS_PARAMETER: ", "PUBLIC_URL_PARAMETER: "} {
		if err := parts.err(); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("got the error %v, want %s in it", err, fault)
		}
	}
}
