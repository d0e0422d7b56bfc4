// Package acceptance checks that a running Latchkey serves every endpoint of the guide, in the order in which a client uses
// them. It uses HTTP and the inbox alone, so it runs against `make run`, `sam local` and a deployed stack (`make e2e`), and
// infra/e2e runs it against its own stack.
//
// Concurrency, faults and the contents of the tables are tested in infra/e2e.
package acceptance

import (
	"crypto/rand"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"latchkey/infra/testkit/httpclient"
)

// Deployment is a running Latchkey.
type Deployment struct {
	URL     string // base of the API, without a slash at the end
	MailURL string // the local SES that receives its mails; "" if the mails cannot be read, as in AWS

	// Transport carries all requests, so that a test can record them. If it is nil, http.DefaultTransport does.
	Transport http.RoundTripper
}

// step is one part of the run. A later step may use the results of an earlier one.
type step struct {
	name string
	run  func(*user, *testing.T)
}

var steps = []step{
	{"health, keys and discovery", (*user).readPublicDocuments},
	{"registration", (*user).register},
	{"login and me", (*user).logIn},
	{"refusals", (*user).makeMistakes},
	{"refresh", (*user).refreshTokens},
	{"logout", (*user).logOut},
	{"cookie session", (*user).useCookies},
	{"sign-in at a provider", (*user).signInAtProviders},
	{"requests for mail", (*user).requestMail},
}

// mailSteps need the mails.
var mailSteps = []step{
	{"verification by the mailed link", (*user).verifyAddress},
	{"password reset by the mailed link", (*user).resetPassword},
}

// Run takes every step as a new user and stops at the first failed one. The new account remains. Run can be repeated against
// the same deployment. It logs what it could not check.
func Run(t *testing.T, d Deployment) {
	u := newUser(d)
	for _, s := range steps {
		if !t.Run(s.name, func(t *testing.T) { s.run(u, t) }) {
			return // the later steps would fail for the same reason
		}
	}
	for _, s := range mailSteps {
		if d.MailURL == "" {
			t.Logf("NOT CHECKED, because MAIL_URL is not set: %s", s.name)
			continue
		}
		if !t.Run(s.name, func(t *testing.T) { s.run(u, t) }) {
			return
		}
	}
}

// user is a new user of a deployment, with an HTTP client that keeps cookies.
type user struct {
	Deployment
	client                    httpclient.Client
	username, email, password string
	access, refresh           string // the latest pair of tokens
}

// newUser returns a user with an unused name. If the mails cannot be read, they are real ones, so they go to the mailbox
// simulator of SES, which accepts any label and counts no bounces.
func newUser(d Deployment) *user {
	name := "guide-" + strings.ToLower(rand.Text()[:12])
	email := name + "@example.com"
	if d.MailURL == "" {
		email = "success+" + name + "@simulator.amazonses.com"
	}
	return &user{Deployment: d, client: newClient(d), username: name, email: email, password: "SecurePass123!"}
}

func newClient(d Deployment) httpclient.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic("acceptance: creating a cookie jar without options: " + err.Error())
	}
	return httpclient.Client{Transport: d.Transport, Jar: jar, Timeout: requestTimeout}
}
