package githubtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/standin"
)

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // this and its challenge are those of RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	callback  = "http://localhost:1/callback"
	asJSON    = "application/json"
)

var (
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

// do makes a request, follows no redirect, and reads the answer.
func do(t *testing.T, method, address, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// authorize returns what the callback gets.
func authorize(t *testing.T, s *githubtest.Server, scope, login string) url.Values {
	t.Helper()
	query := url.Values{
		"client_id": {"id"}, "redirect_uri": {callback}, "scope": {scope}, "state": {"a state"}, "login": {login},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	response, body := do(t, "GET", s.URL+githubtest.AuthorizePath+"?"+query.Encode(), "", nil)
	target, err := response.Location()
	if err != nil || response.StatusCode != http.StatusFound || target.Query().Get("state") != "a state" {
		t.Fatalf("%d to %v: %s", response.StatusCode, target, body)
	}
	return target.Query()
}

// exchange changes the fitting token request, and returns status and the members of the answer, which is in the form that accept asks for.
func exchange(t *testing.T, s *githubtest.Server, code, accept string, changes url.Values) (int, map[string]string) {
	t.Helper()
	form := url.Values{
		"client_id": {"id"}, "client_secret": {"secret"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}
	for name, values := range changes {
		form[name] = values
	}
	response, body := do(t, "POST", s.URL+githubtest.TokenPath, form.Encode(),
		map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Accept": accept})
	members := map[string]string{}
	if accept == asJSON {
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		return response.StatusCode, members
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for name := range values {
		members[name] = values.Get(name)
	}
	return response.StatusCode, members
}

// Errors have status 200, and the answer is a form unless JSON is asked for.
func TestTokenEndpoint(t *testing.T) {
	for name, tc := range map[string]struct {
		changes url.Values
		want    string // error
	}{
		"good":            {nil, ""},
		"another client":  {url.Values{"client_id": {"x"}}, "incorrect_client_credentials"},
		"another secret":  {url.Values{"client_secret": {"x"}}, "incorrect_client_credentials"},
		"another code":    {url.Values{"code": {"x"}}, "bad_verification_code"},
		"wrong verifier":  {url.Values{"code_verifier": {"x"}}, "bad_verification_code"},
		"foreign address": {url.Values{"redirect_uri": {"x"}}, "bad_verification_code"},
	} {
		for _, accept := range []string{asJSON, ""} {
			t.Run(name+" "+accept, func(t *testing.T) {
				s := start(t, octocat)
				code := authorize(t, s, "user:email read:user", "").Get("code")
				status, got := exchange(t, s, code, accept, tc.changes)
				if status != http.StatusOK || got["error"] != tc.want || (got["access_token"] != "") != (tc.want == "") {
					t.Errorf("%d %v", status, got)
				}
				if tc.want == "" && (got["scope"] != "user:email,read:user" || got["token_type"] != "bearer") {
					t.Errorf("answer %v", got)
				}
				if _, again := exchange(t, s, code, accept, nil); (tc.want == "" || tc.changes.Has("code_verifier")) && again["error"] != "bad_verification_code" {
					t.Errorf("the code a second time: %v", again)
				}
			})
		}
	}
}

func TestWhoIsAtTheBrowser(t *testing.T) {
	s := start(t, octocat)
	s.SignIn(githubtest.User{ID: 2, Login: "refuser", Denies: true})
	if got := authorize(t, s, "", ""); got.Get("error") != "access_denied" || got.Has("code") {
		t.Errorf("the last one: %v", got)
	}
	if got := authorize(t, s, "", "octocat"); got.Has("error") || !got.Has("code") {
		t.Errorf("the one that is named: %v", got)
	}
	if got := s.Requests(githubtest.AuthorizePath); got != 2 {
		t.Errorf("%d requests", got)
	}
	response, _ := do(t, "GET", s.URL+githubtest.AuthorizePath+"?client_id=other", "", nil)
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown application: %d", response.StatusCode)
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
		"user":               {octocat, githubtest.UserPath, "", "test", "Bearer ", 200, `"email":null,"id":583231,"login":"octocat","name":null`},
		"old scheme":         {octocat, githubtest.UserPath, "", "test", "token ", 200, `"id":583231`},
		"addresses":          {octocat, githubtest.EmailsPath, "user:email", "test", "Bearer ", 200, `[{"email":"octocat@example.com","primary":true,"verified":true,"visibility":"private"},{`},
		"no addresses":       {none, githubtest.EmailsPath, "user:email", "test", "Bearer ", 200, "[]\n"},
		"scope not asked":    {octocat, githubtest.EmailsPath, "read:user", "test", "Bearer ", 404, `"message":"Not Found","status":"404"`},
		"scope taken off":    {withoutEmails, githubtest.EmailsPath, "user:email", "test", "Bearer ", 404, `"message":"Not Found"`},
		"no user agent":      {octocat, githubtest.UserPath, "", "", "Bearer ", 403, "User-Agent"},
		"unknown token":      {octocat, githubtest.UserPath, "", "test", "Bearer x", 401, `"message":"Bad credentials"`},
		"basic is no scheme": {octocat, githubtest.UserPath, "", "test", "Basic ", 401, `"message":"Bad credentials"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, tc.user)
			_, token := exchange(t, s, authorize(t, s, tc.scope, "").Get("code"), asJSON, nil)
			response, body := do(t, "GET", s.URL+tc.path, "", map[string]string{
				"User-Agent": tc.agent, "Authorization": tc.scheme + token["access_token"],
			})
			if response.StatusCode != tc.status || !strings.Contains(body, tc.want) {
				t.Errorf("%d %s", response.StatusCode, body)
			}
		})
	}
}

func TestAPIWithoutAToken(t *testing.T) {
	s := start(t, octocat)
	response, body := do(t, "GET", s.URL+githubtest.UserPath, "", nil)
	if response.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "Requires authentication") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	s.Fail(githubtest.UserPath, githubtest.RateLimited)
	response, body = do(t, "GET", s.URL+githubtest.UserPath, "", nil)
	if response.StatusCode != http.StatusForbidden || response.Header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("over the limit: %d %v %s", response.StatusCode, response.Header, body)
	}
}
