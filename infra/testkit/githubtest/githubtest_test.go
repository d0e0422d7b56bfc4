package githubtest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/standin"
)

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // with its challenge, from RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	callback  = "http://localhost:1/callback"
	jsonType  = "application/json"
)

var (
	client      httpclient.Client
	application = standin.Client{ID: "id", Secret: "secret"}
	octocat     = githubtest.User{ID: 583231, Login: "octocat", Emails: []githubtest.Email{
		{Email: "octocat@example.com", Primary: true, Verified: true}, {Email: "583231+octocat@users.noreply.github.com", Verified: true},
	}}
)

func start(t *testing.T, user githubtest.User) *githubtest.Server {
	t.Helper()
	s, err := githubtest.Start(application)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.SignIn(user)
	return s
}

// authorize returns the parameters that the callback gets.
func authorize(t *testing.T, s *githubtest.Server, scope, login string) url.Values {
	t.Helper()
	query := url.Values{
		"client_id": {"id"}, "redirect_uri": {callback}, "scope": {scope}, "state": {"a state"}, "login": {login},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	response := client.Send(t, "GET", s.URL+githubtest.AuthorizePath+"?"+query.Encode(), "")
	target, err := url.Parse(response.Header.Get("Location"))
	if err != nil || response.Status != http.StatusFound || target.Query().Get("state") != "a state" {
		t.Fatalf("authorize with scope %q, login %q: got %v to %v, want 302 with the state", scope, login, response, target)
	}
	return target.Query()
}

// exchange sends a valid token request with changes. It returns the status and the members of the response, whose format is accept.
func exchange(t *testing.T, s *githubtest.Server, code, accept string, changes url.Values) (int, map[string]string) {
	t.Helper()
	form := url.Values{
		"client_id": {"id"}, "client_secret": {"secret"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}
	for name, values := range changes {
		form[name] = values
	}
	response := client.Send(t, "POST", s.URL+githubtest.TokenPath, form.Encode(), httpclient.Form, "Accept: "+accept)
	members := map[string]string{}
	if accept == jsonType {
		if err := json.Unmarshal([]byte(response.Body), &members); err != nil {
			t.Fatalf("the token response %v is not JSON: %v", response, err)
		}
		return response.Status, members
	}
	values, err := url.ParseQuery(response.Body)
	if err != nil {
		t.Fatalf("the token response %v is not a form: %v", response, err)
	}
	for name := range values {
		members[name] = values.Get(name)
	}
	return response.Status, members
}

// Errors have status 200. The response is a form unless the request accepts JSON.
func TestTokenEndpoint(t *testing.T) {
	for name, tc := range map[string]struct {
		changes url.Values
		want    string // error
	}{
		"valid":          {nil, ""},
		"another client": {url.Values{"client_id": {"x"}}, "incorrect_client_credentials"},
		"another secret": {url.Values{"client_secret": {"x"}}, "incorrect_client_credentials"},
		"another code":   {url.Values{"code": {"x"}}, "bad_verification_code"},
		"wrong verifier": {url.Values{"code_verifier": {"x"}}, "bad_verification_code"},
		"other redirect": {url.Values{"redirect_uri": {"x"}}, "bad_verification_code"},
	} {
		for _, accept := range []string{jsonType, ""} {
			t.Run(name+" "+accept, func(t *testing.T) {
				s := start(t, octocat)
				code := authorize(t, s, "user:email read:user", "").Get("code")
				status, got := exchange(t, s, code, accept, tc.changes)
				if status != http.StatusOK || got["error"] != tc.want || (got["access_token"] != "") != (tc.want == "") {
					t.Errorf("token request with %v: got %d %v, want 200 and the error %q", tc.changes, status, got, tc.want)
				}
				if tc.want == "" && (got["scope"] != "user:email,read:user" || got["token_type"] != "bearer") {
					t.Errorf("got %v, want the scope user:email,read:user and the type bearer", got)
				}
				if _, again := exchange(t, s, code, accept, nil); (tc.want == "" || tc.changes.Has("code_verifier")) && again["error"] != "bad_verification_code" {
					t.Errorf("second use of the code: got %v, want bad_verification_code", again)
				}
			})
		}
	}
}

func TestAuthorizationDecidesForTheSelectedUser(t *testing.T) {
	s := start(t, octocat)
	s.SignIn(githubtest.User{ID: 2, Login: "refuser", Denies: true})
	if got := authorize(t, s, "", ""); got.Get("error") != "access_denied" || got.Has("code") {
		t.Errorf("without login: got %v, want access_denied, the decision of the last user", got)
	}
	if got := authorize(t, s, "", "octocat"); got.Has("error") || !got.Has("code") {
		t.Errorf("login octocat: got %v, want a code", got)
	}
	if got := s.Requests(githubtest.AuthorizePath); got != 2 {
		t.Errorf("got %d requests, want 2", got)
	}
	if got := client.Send(t, "GET", s.URL+githubtest.AuthorizePath+"?client_id=other", ""); got.Status != http.StatusNotFound {
		t.Errorf("unknown application: got %v, want 404", got)
	}
}

func TestAPI(t *testing.T) {
	withoutEmails := octocat
	withoutEmails.NoEmails = true
	none := githubtest.User{ID: 3, Login: "none"}
	for name, tc := range map[string]struct {
		user          githubtest.User
		path, scope   string
		agent, scheme string
		status        int
		want          string
	}{
		"user":          {octocat, githubtest.UserPath, "", "test", "Bearer ", 200, `"email":null,"id":583231,"login":"octocat","name":null`},
		"old scheme":    {octocat, githubtest.UserPath, "", "test", "token ", 200, `"id":583231`},
		"addresses":     {octocat, githubtest.EmailsPath, "user:email", "test", "Bearer ", 200, `[{"email":"octocat@example.com","primary":true,"verified":true,"visibility":"private"},{`},
		"no addresses":  {none, githubtest.EmailsPath, "user:email", "test", "Bearer ", 200, "[]\n"},
		"scope missing": {octocat, githubtest.EmailsPath, "read:user", "test", "Bearer ", 404, `"message":"Not Found","status":"404"`},
		"scope removed": {withoutEmails, githubtest.EmailsPath, "user:email", "test", "Bearer ", 404, `"message":"Not Found"`},
		"no user agent": {octocat, githubtest.UserPath, "", "", "Bearer ", 403, "User-Agent"},
		"unknown token": {octocat, githubtest.UserPath, "", "test", "Bearer x", 401, `"message":"Bad credentials"`},
		"basic scheme":  {octocat, githubtest.UserPath, "", "test", "Basic ", 401, `"message":"Bad credentials"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, tc.user)
			_, token := exchange(t, s, authorize(t, s, tc.scope, "").Get("code"), jsonType, nil)
			got := client.Send(t, "GET", s.URL+tc.path, "", "User-Agent: "+tc.agent, "Authorization: "+tc.scheme+token["access_token"])
			if got.Status != tc.status || !strings.Contains(got.Body, tc.want) {
				t.Errorf("GET %s: got %v, want %d with %s", tc.path, got, tc.status, tc.want)
			}
		})
	}
}

func TestAPIWithoutAToken(t *testing.T) {
	s := start(t, octocat)
	got := client.Send(t, "GET", s.URL+githubtest.UserPath, "")
	if got.Status != http.StatusUnauthorized || !strings.Contains(got.Body, "Requires authentication") {
		t.Errorf("without a token: got %v, want 401 Requires authentication", got)
	}
	s.Fail(githubtest.UserPath, githubtest.RateLimited)
	got = client.Send(t, "GET", s.URL+githubtest.UserPath, "")
	if got.Status != http.StatusForbidden || got.Header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("over the limit: got %v with headers %v, want 403 with X-RateLimit-Remaining: 0", got, got.Header)
	}
}
