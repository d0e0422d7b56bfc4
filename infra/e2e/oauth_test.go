package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/openidtest"
	"latchkey/infra/testkit/standin"
)

func checkRefusal(t *testing.T, got response, status int, code, detail string) {
	t.Helper()
	if got.Status != status || got.Member("code") != code || got.Member("detail") != detail {
		t.Errorf("got %v, want %d %s %q", got, status, code, detail)
	}
}

// TestGuideFlow signs in as the client of the guide does: it keeps cookies and starts the flow, the browser requests the
// callback without the cookie and is refused, and the client then requests the callback and gets tokens, once.
func TestGuideFlow(t *testing.T) {
	pauseMailer(t)
	name := uniqueName("guide-flow")
	shared.Google.SignIn(name, openidtest.Claims{"email": email(name), "email_verified": true})
	for provider, account := range map[string]string{"github": newPerson(t).name, "google": name} {
		t.Run(provider, func(t *testing.T) {
			started := startFlow(t, provider)
			if started.Status != http.StatusFound || started.Body != "" {
				t.Fatalf("the start: got %v, want 302 without a body", started)
			}
			header, want := started.Header.Get("Set-Cookie"), "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"
			if !strings.HasSuffix(header, want) {
				t.Errorf("the start: got Set-Cookie %q, want it to end with %q", header, want)
			}
			callback := started.consent(t, account)
			checkRefusal(t, get(t, callback), http.StatusForbidden, "invalid_oauth_state", "Invalid OAuth state")
			got := started.finish(t, callback)
			if got.Status != http.StatusOK || got.Member("token_type") != "bearer" || got.Member("expires_in") != "604800" {
				t.Fatalf("the callback: got %v, want 200 and bearer tokens for 604800 s", got)
			}
			user := me(t, bearer(got.Member("access_token")))
			if user.Member("oauth_provider") != provider || user.Member("email_verified") != "true" {
				t.Errorf("me: got %v, want oauth_provider %s and email_verified true", user, provider)
			}
			if got := refresh(t, got.Member("refresh_token")); got.Status != http.StatusOK {
				t.Errorf("refresh: got %v, want 200", got)
			}
			checkRefusal(t, started.finish(t, callback), http.StatusForbidden, "invalid_oauth_state", "Invalid OAuth state")
		})
	}
}

// TestRefusedCallbacks checks that an invalid callback is refused before any call to the provider, that the response repeats
// nothing of the request, and that the flow remains usable.
func TestRefusedCallbacks(t *testing.T) {
	pauseMailer(t)
	started := startFlow(t, "github")
	callback := started.consent(t, newPerson(t).name)
	otherFlow := startFlow(t, "google")
	const path = "/api/auth/oauth/github/callback"
	state := "&state=" + unknownState
	tests := map[string]struct {
		path   string
		cookie string
		status int
		code   string
	}{
		"no cookie":              {callback, "X: y", 403, "invalid_oauth_state"},
		"cookie of another flow": {callback, otherFlow.cookie, 403, "invalid_oauth_state"},
		"session cookie":         {callback, "Cookie: oauth_binding=" + strings.Repeat("A", 86), 403, "invalid_oauth_state"},
		"another provider":       {strings.Replace(callback, "/github/", "/google/", 1), started.cookie, 403, "invalid_oauth_state"},
		"another state":          {path + "?code=x" + state, started.cookie, 403, "invalid_oauth_state"},
		"no state":               {path + "?code=x", started.cookie, 403, "invalid_oauth_state"},
		"error without a state":  {path + "?error=%3Cscript%3E", started.cookie, 403, "invalid_oauth_state"},
		"neither code nor error": {path + "?code=&error=" + state, started.cookie, 400, "validation_failed"},
		"no query":               {path, started.cookie, 400, "validation_failed"},
		"duplicate code":         {path + "?code=x&code=y" + state, started.cookie, 400, "validation_failed"},
		"duplicate state":        {callback + state, started.cookie, 400, "validation_failed"},
		"another duplicate":      {callback + "&z=1&z=1", started.cookie, 400, "validation_failed"},
		"malformed query":        {path + "?code=%zz", started.cookie, 400, "malformed_query"},
		"unknown provider":       {"/api/auth/oauth/nobody/callback", started.cookie, 403, "unknown_provider"},
	}
	before := shared.GitHub.Requests(githubtest.TokenPath) + shared.Google.Total()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := get(t, test.path, test.cookie)
			if got.Status != test.status || got.Member("code") != test.code || strings.Contains(got.Body, "script") {
				t.Errorf("GET %s: got %v, want %d %s", test.path, got, test.status, test.code)
			}
		})
	}
	if after := shared.GitHub.Requests(githubtest.TokenPath) + shared.Google.Total(); after != before {
		t.Errorf("got %d requests to the providers, want none", after-before)
	}
	if got := started.finish(t, callback); got.Status != http.StatusOK {
		t.Errorf("the valid callback afterwards: got %v, want 200", got)
	}
}

func TestUnknownProviders(t *testing.T) {
	checkRefusal(t, get(t, "/api/auth/oauth/facebook"), http.StatusForbidden, "unknown_provider", "Unknown OAuth provider: facebook")
	checkRefusal(t, get(t, "/api/auth/oauth/%3Cb%3E"), http.StatusForbidden, "unknown_provider", "Unknown OAuth provider: <b>")
}

// TestDeniedConsent checks that a denial spends the flow, and that the response does not contain the text of the provider.
func TestDeniedConsent(t *testing.T) {
	shared.GitHub.SignIn(githubtest.User{ID: 7, Login: "denier", Denies: true})
	started := startFlow(t, "github")
	callback := started.consent(t, "denier")
	got := started.finish(t, callback)
	checkRefusal(t, got, http.StatusForbidden, "oauth_failed", "OAuth authentication failed")
	if strings.Contains(got.Body, "denied") {
		t.Errorf("got %v, want nothing of the provider's error", got)
	}
	checkRefusal(t, started.finish(t, callback), http.StatusForbidden, "invalid_oauth_state", "Invalid OAuth state")
}

// TestIdentitiesWithoutAnAddress checks that an identity without a verified address creates no account and is linked to none.
func TestIdentitiesWithoutAnAddress(t *testing.T) {
	pauseMailer(t)
	name := uniqueName("lookalike")
	register(t, name)
	shared.Google.SignIn("as text", openidtest.Claims{"email": email(name), "email_verified": "true"})
	shared.Google.SignIn("not verified", openidtest.Claims{"email": email(name), "email_verified": false})
	shared.Google.SignIn("no address", openidtest.Claims{})
	private := githubtest.Email{Email: "9+octocat@users.noreply.github.com", Primary: true, Verified: true}
	shared.GitHub.SignIn(githubtest.User{ID: 9_000_001, Login: "private", Emails: []githubtest.Email{private}})
	shared.GitHub.SignIn(githubtest.User{ID: 9_000_002, Login: "unverified", Emails: []githubtest.Email{{Email: email(name), Primary: true}}})
	shared.GitHub.SignIn(githubtest.User{ID: 9_000_003, Login: "none"})
	before := countItems(t)
	for account, provider := range map[string]string{
		"as text": "google", "not verified": "google", "no address": "google", "private": "github", "unverified": "github", "none": "github",
	} {
		started := startFlow(t, provider)
		got := started.finish(t, started.consent(t, account))
		checkRefusal(t, got, http.StatusForbidden, "oauth_email_required", "OAuth authentication failed")
	}
	checkAdded(t, before, map[string]int{"U#": 0, "E#": 0, "N#": 0, "I#": 0, "S#": 0, "O#": 0})
}

// TestPreRegisteredAddress plays an attack: the attacker registers the address of a victim, knows the password, has sessions,
// and a mail scanner opens the link in the mail. When the victim then signs in at a provider, all of the attacker's
// credentials must end.
func TestPreRegisteredAddress(t *testing.T) {
	name := uniqueName("victim")
	attackerToken := register(t, name)
	mail := awaitMail(t, name, 1)
	cookie := cookieLogin(t, name)
	if got := get(t, "/api/auth/verify-email/"+mail.token(t)); got.Status != http.StatusOK {
		t.Fatalf("the scanner opens the link: got %v, want 200", got)
	}
	refreshToken := login(t, name).Member("refresh_token")
	shared.Google.SignIn(name, openidtest.Claims{"email": strings.ToUpper(name) + "@example.com", "email_verified": true})
	started := startFlow(t, "google")
	got := started.finish(t, started.consent(t, name))
	if got.Status != http.StatusOK || me(t, bearer(got.Member("access_token"))).Member("username") != name {
		t.Fatalf("the victim signs in: got %v, want tokens of %s", got, name)
	}
	for credential, got := range map[string]response{
		"access token":  post(t, "/api/auth/me", "", bearer(attackerToken)),
		"cookie":        post(t, "/api/auth/me", "", cookie),
		"refresh token": refresh(t, refreshToken),
		"password":      post(t, "/api/auth/login", credentials(name)),
		"link":          get(t, "/api/auth/verify-email/"+mail.token(t)),
	} {
		if got.Status == http.StatusOK {
			t.Errorf("the attacker's %s: got %v, want a refusal", credential, got)
		}
	}
	notice := awaitMail(t, name, 2)
	if !strings.Contains(notice.Subject, "password") || !strings.Contains(notice.Subject, "removed") {
		t.Errorf("the notice: got the subject %q, want one about the removed password", notice.Subject)
	}
}

// TestDisabledAccountsStayOut checks this for an identity of the account and for one that a sign-in would link to it.
func TestDisabledAccountsStayOut(t *testing.T) {
	pauseMailer(t)
	known, unlinked := newPerson(t), registeredPerson(t)
	setFlag(t, known.signIn(t), "active", false)
	setFlag(t, login(t, unlinked.name), "active", false)
	for _, person := range []person{known, unlinked} {
		checkRefusal(t, person.signIn(t), http.StatusForbidden, "account_inactive", "Account is inactive")
	}
}

// TestProviderOutage checks that an outage results in 502 and creates no user. A provider that does not respond is given up
// after ten seconds.
func TestProviderOutage(t *testing.T) {
	pauseMailer(t)
	person := newPerson(t)
	for name, test := range map[string]struct {
		fault   standin.Fault
		timeout time.Duration
	}{
		"server error": {standin.ServerError, 10 * time.Second},
		"no response":  {standin.Slow, 25 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			request, before := person.prepareCallback(t), countItems(t)
			shared.GitHub.Fail(githubtest.EmailsPath, test.fault)
			defer shared.GitHub.Reset()
			ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
			defer cancel()
			done := make(chan response, 1)
			go func() { done <- request() }()
			select {
			case got := <-done:
				checkRefusal(t, got, http.StatusBadGateway, "oauth_provider_failed", "OAuth authentication failed")
			case <-ctx.Done():
				t.Fatalf("got no response within %v", test.timeout)
			}
			checkAdded(t, before, map[string]int{"U#": 0, "I#": 0})
		})
	}
}

// TestASignInByAProviderMakesRoom checks that a sign-in at a provider deletes expired sessions when the account has reached
// its limit of sessions, as a login does.
func TestASignInByAProviderMakesRoom(t *testing.T) {
	person := newPerson(t)
	user := userID(t, person.signIn(t).Member("access_token"))
	for _, session := range sessionIDs(t, user) {
		sharedTables().Set(t, "Sessions", "S#"+user, session, number("exp", "1"))
	}
	sharedTables().Set(t, "Users", "U#"+user, "P", number("room", "1"))
	if got := person.signIn(t); got.Status != http.StatusOK {
		t.Fatalf("the second sign-in: got %v, want 200", got)
	}
	if sessions := sessionIDs(t, user); len(sessions) != 1 {
		t.Errorf("got %d sessions, want only that of the second sign-in", len(sessions))
	}
}

// TestAnotherIdentityOfTheSameAddress checks that a second identity at one provider replaces the first one and ends its
// sessions.
func TestAnotherIdentityOfTheSameAddress(t *testing.T) {
	person := registeredPerson(t)
	first := bearer(person.signIn(t).Member("access_token"))
	user := me(t, first).Member("id")
	person.signInAs(t, "another-"+person.name)
	started := startFlow(t, "github")
	got := started.finish(t, started.consent(t, "another-"+person.name))
	if got.Status != http.StatusOK || userID(t, got.Member("access_token")) != user {
		t.Fatalf("the second identity: got %v, want tokens of the user %s", got, user)
	}
	if got := post(t, "/api/auth/me", "", first); got.Status != http.StatusUnauthorized {
		t.Errorf("me in a session of the first identity: got %v, want 401", got)
	}
}

// sessionIDs returns the sort keys of the sessions of a user.
func sessionIDs(t *testing.T, user string) []string {
	t.Helper()
	var ids []string
	for _, item := range sharedTables().Items(t, "Sessions") {
		if item["pk"].(*types.AttributeValueMemberS).Value == "S#"+user {
			ids = append(ids, item["sk"].(*types.AttributeValueMemberS).Value)
		}
	}
	return ids
}
