// Package acceptance says whether a running Latchkey does what its clients were promised: every endpoint of the guide in the order in
// which a client meets them, seen from outside, through HTTP and the inbox alone. It asks nothing of how or where the API runs, so it
// is run against `make run`, `sam local`, a deployed stack (`make e2e`), and by infra/e2e against its own.
//
// It is no search for faults: what happens at once, between two calls or with the tables open is tested in infra/e2e.
package acceptance

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
)

// Deployment is a running Latchkey.
type Deployment struct {
	URL     string // base of the API, without a slash at the end
	MailURL string // of the local SES that gets its mail; "" where nobody can read it, as in AWS

	// Transport carries all requests, so that a test sees them; nil is that of package http.
	Transport http.RoundTripper
}

// step is a part of the visit, which the later ones may build on.
type step struct {
	name string
	run  func(*visitor, *testing.T)
}

var steps = []step{
	{"health, keys and discovery", (*visitor).looksAround},
	{"registration", (*visitor).registers},
	{"login and me", (*visitor).logsIn},
	{"refusals", (*visitor).isRefused},
	{"refresh", (*visitor).refreshes},
	{"logout", (*visitor).logsOut},
	{"cookie session", (*visitor).usesCookies},
	{"sign-in at a provider", (*visitor).signsInElsewhere},
	{"mail is promised to everybody", (*visitor).asksForMail},
}

// byMail are the steps that only the receiver of the mails can take.
var byMail = []step{
	{"verification by the mailed link", (*visitor).verifies},
	{"password reset by the mailed link", (*visitor).resets},
}

// Run visits the deployment as a new user, whose account stays behind. It may be run against one deployment again and again. What it
// could not check is logged.
func Run(t *testing.T, d Deployment) {
	v := newVisitor(d)
	for _, s := range steps {
		if !t.Run(s.name, func(t *testing.T) { s.run(v, t) }) {
			return // the later ones would only say the same again
		}
	}
	for _, s := range byMail {
		if d.MailURL == "" {
			t.Logf("NOT CHECKED, since no MAIL_URL is given: %s", s.name)
			continue
		}
		if !t.Run(s.name, func(t *testing.T) { s.run(v, t) }) {
			return
		}
	}
}

// visitor is a new user, and what he holds at a step.
type visitor struct {
	Deployment
	client
	username, email, password string
	access, refresh           string // the latest pair
}

// newVisitor has a name that nobody had before. Where the mails cannot be read they are real, so they go to the mailbox simulator
// of SES, which takes mail to any label and counts no bounces.
func newVisitor(d Deployment) *visitor {
	name := "guide-" + strings.ToLower(rand.Text()[:12])
	email := name + "@example.com"
	if d.MailURL == "" {
		email = "success+" + name + "@simulator.amazonses.com"
	}
	return &visitor{Deployment: d, client: newClient(d), username: name, email: email, password: "SecurePass123!"}
}
