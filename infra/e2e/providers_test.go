package e2e_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/githubtest"
)

// flow is a sign-in at a provider in progress.
type flow struct {
	response // to the start
	provider string
	cookie   string // as a request header
}

// startFlow starts a sign-in in a browser with these cookies.
func startFlow(t *testing.T, provider string, cookies ...string) flow {
	t.Helper()
	got := get(t, "/api/auth/oauth/"+provider, cookies...)
	return flow{response: got, provider: provider, cookie: got.Cookie()}
}

// consent signs in at the provider as an account that it knows. It returns the path and query of the callback that the
// provider redirects to.
func (f flow) consent(t *testing.T, account string) string {
	t.Helper()
	hint := map[string]string{"github": "&login=", "google": "&login_hint="}[f.provider]
	got := fetch(t, f.Header.Get("Location")+hint+url.QueryEscape(account))
	callback, ok := strings.CutPrefix(got.Header.Get("Location"), shared.URL)
	if !ok {
		t.Fatalf("%s as %q: got %v and the location %q, want one at %s", f.provider, account, got, got.Header.Get("Location"), shared.URL)
	}
	return callback
}

// finish requests the callback in the browser that started the flow.
func (f flow) finish(t *testing.T, callback string) response {
	t.Helper()
	return get(t, callback, f.cookie)
}

// fetch makes a GET request to any address.
func fetch(t *testing.T, address string, headers ...string) response {
	t.Helper()
	return send(t, address, "GET", "", "", headers...)
}

// person has an account at GitHub, with a verified address.
type person struct{ name string }

// newPerson returns a person without an account here.
func newPerson(t *testing.T) person {
	t.Helper()
	p := person{uniqueName("person")}
	p.signInAs(t, p.name)
	return p
}

// signInAs creates another account at GitHub, under a login name of its own, with the address of the person.
func (p person) signInAs(t *testing.T, login string) {
	t.Helper()
	shared.GitHub.SignIn(githubtest.User{ID: uniqueID(), Login: login, Emails: []githubtest.Email{
		{Email: email(p.name), Primary: true, Verified: true},
	}})
}

// registeredPerson returns a person whose address is already registered here.
func registeredPerson(t *testing.T) person {
	t.Helper()
	p := newPerson(t)
	register(t, p.name)
	shared.Tap.Reset()
	return p
}

// proveAddress marks the address of the registered account as proven by its owner.
func (p person) proveAddress(t *testing.T) person {
	t.Helper()
	setFlag(t, login(t, p.name), "proven", true)
	shared.Tap.Reset()
	return p
}

// setFlag sets a flag of the account that the tokens belong to, bypassing all rules.
func setFlag(t *testing.T, tokens response, flag string, value bool) {
	t.Helper()
	user := userID(t, tokens.Member("access_token"))
	sharedTables().Set(t, "Users", "U#"+user, "P", map[string]types.AttributeValue{flag: &types.AttributeValueMemberBOOL{Value: value}})
}

// prepareCallback signs in at GitHub and returns the request of the callback.
func (p person) prepareCallback(t *testing.T) func() response {
	t.Helper()
	started := startFlow(t, "github")
	callback := started.consent(t, p.name)
	return func() response { return started.finish(t, callback) }
}

// signIn signs in through GitHub. Only the store calls of the callback are counted.
func (p person) signIn(t *testing.T) response {
	t.Helper()
	request := p.prepareCallback(t)
	shared.Tap.Reset()
	return request()
}

// unknownState has the form of a state and of the cookie of a flow, but belongs to no flow.
const unknownState = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
