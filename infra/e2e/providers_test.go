package e2e_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/openidtest"
	"latchkey/infra/testkit/standin"
)

// providers are stand-ins for GitHub and Google, which the shared stack has in their place.
type providers struct {
	github *githubtest.Server
	google *openidtest.Server
}

var application = standin.Client{ID: "e2e", Secret: "a secret of the client"}

func startProviders() (providers, error) {
	github, err := githubtest.Start(application)
	if err != nil {
		return providers{}, err
	}
	google, err := openidtest.Start(application, time.Now)
	return providers{github: github, google: google}, err
}

func (p providers) settings() map[string]string {
	return map[string]string{
		"OAUTH_GITHUB_CLIENT_ID": application.ID, "OAUTH_GITHUB_CLIENT_SECRET": application.Secret,
		"OAUTH_GITHUB_URL": p.github.URL, "OAUTH_GITHUB_API_URL": p.github.URL,
		"OAUTH_GOOGLE_CLIENT_ID": application.ID, "OAUTH_GOOGLE_CLIENT_SECRET": application.Secret,
		"OAUTH_GOOGLE_ISSUER": p.google.URL,
	}
}

func (p providers) close() {
	p.github.Close()
	p.google.Close()
}

// visit makes a GET request to the shared stack.
func visit(t *testing.T, path string, headers ...string) response {
	t.Helper()
	return send(t, shared.URL, "GET", path, "", headers...)
}

// fetch makes a GET request to any address.
func fetch(t *testing.T, address string, headers ...string) response {
	t.Helper()
	return send(t, address, "GET", "", "", headers...)
}

// flow is a sign-in under way.
type flow struct {
	response
	provider string
	cookie   string // as a header
}

// startFlow begins a sign-in, in the browser that has the cookies.
func startFlow(t *testing.T, provider string, cookies ...string) flow {
	t.Helper()
	got := visit(t, "/api/auth/oauth/"+provider, cookies...)
	pair, _, _ := strings.Cut(got.Header.Get("Set-Cookie"), ";")
	return flow{response: got, provider: provider, cookie: "Cookie: " + pair}
}

// consent goes to the provider as somebody that it knows, and returns where it sends the browser back to, below our URL.
func (f flow) consent(t *testing.T, who string) string {
	t.Helper()
	hint := map[string]string{"github": "&login=", "google": "&login_hint="}[f.provider]
	back := fetch(t, f.Header.Get("Location")+hint+url.QueryEscape(who))
	path, ours := strings.CutPrefix(back.Header.Get("Location"), shared.URL)
	if !ours {
		t.Fatalf("the provider answers %v, to %q", back, back.Header.Get("Location"))
	}
	return path
}

// finish calls back in the browser that began.
func (f flow) finish(t *testing.T, callback string) response {
	t.Helper()
	return visit(t, callback, f.cookie)
}

// person has an account at GitHub.
type person struct{ name string }

// newPerson is somebody whom nobody here knows.
func newPerson(t *testing.T) person {
	t.Helper()
	p := person{fresh()}
	named++
	shared.github.SignIn(githubtest.User{ID: int64(named), Login: p.name, Emails: []githubtest.Email{
		{Email: p.name + "@example.com", Primary: true, Verified: true},
	}})
	return p
}

// registeredPerson is somebody whose address is registered here, maybe by somebody else.
func registeredPerson(t *testing.T) person {
	t.Helper()
	p := newPerson(t)
	register(t, p.name)
	shared.tap.Reset()
	return p
}

// proven makes it an account whose holder has proved the mailbox.
func (p person) proven(t *testing.T) person {
	t.Helper()
	p.mark(t, login(t, p.name), "proven", true)
	shared.tap.Reset()
	return p
}

// mark sets a flag of the account that is signed in, past all rules.
func (person) mark(t *testing.T, signedIn response, flag string, value bool) {
	t.Helper()
	user := me(t, bearer(signedIn.Member("access_token"))).Member("id")
	sharedTables().Set(t, "Users", "U#"+user, "P", map[string]types.AttributeValue{flag: &types.AttributeValueMemberBOOL{Value: value}})
}

// prepared goes as far as the provider's answer, and leaves the callback to be made.
func (p person) prepared(t *testing.T) func() response {
	t.Helper()
	begun := startFlow(t, "github")
	back := begun.consent(t, p.name)
	return func() response { return begun.finish(t, back) }
}

// callback signs the person in; only the callback is counted.
func (p person) callback(t *testing.T) response {
	t.Helper()
	finish := p.prepared(t)
	shared.tap.Reset()
	return finish()
}

// someState has the form of a state and of a binding, and is none.
const someState = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
