package standin_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/infra/testkit/standin"
)

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // with its challenge, from RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	callback  = "http://localhost:1/callback"
)

func start(t *testing.T) *standin.Server {
	t.Helper()
	s, err := standin.Start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		standin.WriteJSON(w, http.StatusOK, map[string]string{"good": "yes"})
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// post sends a form and reads at most limit bytes of the response.
func post(ctx context.Context, t *testing.T, address string, limit int64) (*http.Response, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("secret=s"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, limit))
	return response, string(body), err
}

func TestFaultsBehaveAsNamed(t *testing.T) {
	const limit = 1 << 20
	endless := func(_ *http.Response, body string, err error) bool {
		return err != nil && strings.TrimSpace(body) == ""
	}
	asNamed := map[string]func(*http.Response, string, error) bool{
		"slow":      endless,
		"trickling": endless,
		"huge":      func(_ *http.Response, body string, _ error) bool { return len(body) == limit },
		"broken JSON": func(r *http.Response, body string, _ error) bool {
			return r.StatusCode == 200 && !json.Valid([]byte(body))
		},
		"cut off":      func(r *http.Response, body string, err error) bool { return r != nil && body != "" && err != nil },
		"redirecting":  func(r *http.Response, _ string, _ error) bool { return r.Header.Get("Location") == standin.Elsewhere },
		"server error": func(r *http.Response, _ string, _ error) bool { return r.StatusCode == 500 },
	}
	for name, fault := range standin.Faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Fail("/token", fault)
			timeout := 20 * time.Second
			if name == "slow" || name == "trickling" {
				timeout = 300 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			response, body, err := post(ctx, t, s.URL+"/token", limit)
			if !asNamed[name](response, body, err) {
				t.Errorf("got response %v, body %.40q, error %v; want the fault %q", response, body, err, name)
			}
		})
	}
}

func TestFaultsAndCountsApplyToOnePathUntilReset(t *testing.T) {
	s := start(t)
	s.Fail("/a", standin.ServerError)
	for range 2 {
		if response, _, err := post(t.Context(), t, s.URL+"/a?query=1", 100); err != nil || response.StatusCode != 500 {
			t.Errorf("path with the fault: got %v, %v; want 500", response, err)
		}
	}
	if _, body, err := post(t.Context(), t, s.URL+"/b", 100); err != nil || body != "{\"good\":\"yes\"}\n" {
		t.Errorf("another path: got %q, %v; want the handler's response", body, err)
	}
	if a, b, all := s.Requests("/a"), s.Requests("/b"), s.Total(); a != 2 || b != 1 || all != 3 {
		t.Errorf("got counts /a %d, /b %d, total %d; want 2, 1, 3", a, b, all)
	}
	s.Reset()
	if got := s.Total(); got != 0 {
		t.Errorf("after Reset: got %d requests, want 0", got)
	}
	if response, _, err := post(t.Context(), t, s.URL+"/a", 100); err != nil || response.StatusCode != 200 {
		t.Errorf("after Reset: got %v, %v; want 200", response, err)
	}
}

// authorization returns a valid authorization request with changes, given as names and values in turn.
func authorization(changes ...string) url.Values {
	request := url.Values{
		"redirect_uri": {callback}, "state": {"s t"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		request.Set(changes[i], changes[i+1])
	}
	return request
}

func TestACodeServesOneMatchingTokenRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		change, value string
		want          bool
	}{
		"matching":              {"", "", true},
		"another code":          {"code", "x", false},
		"another verifier":      {"code_verifier", verifier + "x", false},
		"no verifier":           {"code_verifier", "", false},
		"another redirect URI":  {"redirect_uri", callback + "/", false},
		"the challenge instead": {"code_verifier", challenge, false},
	} {
		t.Run(name, func(t *testing.T) {
			var codes standin.Codes[string]
			target, err := codes.Issue(authorization(), "grant")
			if err != nil {
				t.Fatal(err)
			}
			got, err := url.Parse(target)
			if err != nil || !strings.HasPrefix(target, callback+"?") || got.Query().Get("state") != "s t" {
				t.Fatalf("got redirect to %s, %v; want %s with the state", target, err, callback)
			}
			request := url.Values{"code": {got.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
			if tc.change != "" {
				request.Set(tc.change, tc.value)
			}
			if grant, ok := codes.Redeem(request); ok != tc.want || (ok && grant != "grant") {
				t.Errorf("Redeem with %s = %q: got %q, %v; want %v", tc.change, tc.value, grant, ok, tc.want)
			}
			if _, ok := codes.Redeem(request); ok {
				t.Error("second Redeem: got true, want false")
			}
		})
	}
}

func TestIssueRefusesIncompleteRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		request url.Values
		want    error
	}{
		"no challenge":           {authorization("code_challenge", ""), standin.ErrChallenge},
		"plain challenge":        {authorization("code_challenge_method", "plain"), standin.ErrChallenge},
		"no redirect URI":        {authorization("redirect_uri", ""), standin.ErrRedirectURI},
		"redirect URI elsewhere": {authorization("redirect_uri", "https://a.example/"), standin.ErrRedirectURI},
		"redirect URI malformed": {authorization("redirect_uri", "http://local host/"), standin.ErrRedirectURI},
		"redirect URI similar":   {authorization("redirect_uri", "http://localhost.a.example/"), standin.ErrRedirectURI},
	} {
		t.Run(name, func(t *testing.T) {
			var codes standin.Codes[string]
			if target, err := codes.Issue(tc.request, "grant"); err != tc.want { //nolint:errorlint // Issue returns the error itself
				t.Errorf("got %q, %v; want %v", target, err, tc.want)
			}
		})
	}
}
