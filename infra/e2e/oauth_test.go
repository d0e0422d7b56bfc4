package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/openidtest"
	"latchkey/infra/testkit/standin"
)

// TestTheGuidesFlow: a client that keeps cookies starts, the browser without them hits the callback first and is refused, and
// the client then calls it and gets tokens.
func TestTheGuidesFlow(t *testing.T) {
	quiet(t)
	shared.google.SignIn("guide", openidtest.Claims{"email": "guide-flow@example.com", "email_verified": true})
	for provider, who := range map[string]string{"github": newPerson(t).name, "google": "guide"} {
		t.Run(provider, func(t *testing.T) {
			begun := startFlow(t, provider)
			if begun.Status != http.StatusFound || begun.Body != "" {
				t.Fatalf("the start is %v", begun)
			}
			if set := begun.Header.Get("Set-Cookie"); !strings.HasSuffix(set, "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax") {
				t.Errorf("the cookie is %s", set)
			}
			back := begun.consent(t, who)
			checkRefused(t, visit(t, back), http.StatusForbidden, "invalid_oauth_state", "Invalid OAuth state")
			got := begun.finish(t, back)
			if got.Status != http.StatusOK || got.Member("token_type") != "bearer" || got.Member("expires_in") != "604800" {
				t.Fatalf("the callback is %v", got)
			}
			user := me(t, bearer(got.Member("access_token")))
			if user.Member("oauth_provider") != provider || user.Member("email_verified") != "true" {
				t.Errorf("the user is %s", user.Body)
			}
			if again := refresh(t, got.Member("refresh_token")); again.Status != http.StatusOK {
				t.Errorf("refreshing: %v", again)
			}
			checkRefused(t, begun.finish(t, back), http.StatusForbidden, "invalid_oauth_state", "Invalid OAuth state")
		})
	}
}

func checkRefused(t *testing.T, got response, status int, code, detail string) {
	t.Helper()
	if got.Status != status || got.Member("code") != code || got.Member("detail") != detail {
		t.Errorf("the answer is %d %s, want %d %s %q", got.Status, got.Body, status, code, detail)
	}
}

// TestCallbacksThatAreRefused, each before the provider is called for anything, and with nothing of what was sent told back.
func TestCallbacksThatAreRefused(t *testing.T) {
	quiet(t)
	who := newPerson(t)
	begun := startFlow(t, "github")
	back := begun.consent(t, who.name)
	other := startFlow(t, "google")
	const path = "/api/auth/oauth/github/callback"
	state := "&state=" + someState
	tests := map[string]struct {
		path   string
		cookie string
		status int
		code   string
	}{
		"no cookie":              {back, "X: y", 403, "invalid_oauth_state"},
		"another browser's":      {back, other.cookie, 403, "invalid_oauth_state"},
		"a session as cookie":    {back, "Cookie: oauth_binding=" + strings.Repeat("A", 86), 403, "invalid_oauth_state"},
		"another provider's":     {strings.Replace(back, "/github/", "/google/", 1), begun.cookie, 403, "invalid_oauth_state"},
		"another state":          {path + "?code=x" + state, begun.cookie, 403, "invalid_oauth_state"},
		"no state":               {path + "?code=x", begun.cookie, 403, "invalid_oauth_state"},
		"an error, no state":     {path + "?error=%3Cscript%3E", begun.cookie, 403, "invalid_oauth_state"},
		"neither code nor error": {path + "?code=&error=" + state, begun.cookie, 400, "validation_failed"},
		"nothing":                {path, begun.cookie, 400, "validation_failed"},
		"a code twice":           {path + "?code=x&code=y" + state, begun.cookie, 400, "validation_failed"},
		"a state twice":          {back + state, begun.cookie, 400, "validation_failed"},
		"anything twice":         {back + "&z=1&z=1", begun.cookie, 400, "validation_failed"},
		"not a query":            {path + "?code=%zz", begun.cookie, 400, "malformed_query"},
		"an unknown provider":    {"/api/auth/oauth/nobody/callback", begun.cookie, 403, "unknown_provider"},
	}
	before := shared.github.Requests(githubtest.TokenPath) + shared.google.Total()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := visit(t, test.path, test.cookie)
			if got.Status != test.status || got.Member("code") != test.code || strings.Contains(got.Body, "script") {
				t.Errorf("the answer is %v", got)
			}
		})
	}
	if after := shared.github.Requests(githubtest.TokenPath) + shared.google.Total(); after != before {
		t.Errorf("providers were called %d times", after-before)
	}
	if got := begun.finish(t, back); got.Status != http.StatusOK {
		t.Errorf("the flow was spent: %v", got)
	}
}

func TestAStartThatIsRefused(t *testing.T) {
	checkRefused(t, visit(t, "/api/auth/oauth/facebook"), http.StatusForbidden, "unknown_provider", "Unknown OAuth provider: facebook")
	checkRefused(t, visit(t, "/api/auth/oauth/%3Cb%3E"), http.StatusForbidden, "unknown_provider", "Unknown OAuth provider: <b>")
}

// TestAPersonWhoDenies spends the flow. The provider's words are told to nobody.
func TestAPersonWhoDenies(t *testing.T) {
	shared.github.SignIn(githubtest.User{ID: 7, Login: "denier", Denies: true})
	begun := startFlow(t, "github")
	back := begun.consent(t, "denier")
	got := begun.finish(t, back)
	checkRefused(t, got, http.StatusForbidden, "oauth_failed", "OAuth authentication failed")
	if strings.Contains(got.Body, "denied") {
		t.Errorf("the answer tells %s", got.Body)
	}
	checkRefused(t, begun.finish(t, back), http.StatusForbidden, "invalid_oauth_state", "Invalid OAuth state")
}

// TestIdentitiesWithoutAnAddress make and link nothing.
func TestIdentitiesWithoutAnAddress(t *testing.T) {
	quiet(t)
	register(t, "lookalike")
	address := "lookalike@example.com"
	shared.google.SignIn("as text", openidtest.Claims{"email": address, "email_verified": "true"})
	shared.google.SignIn("not verified", openidtest.Claims{"email": address, "email_verified": false})
	shared.google.SignIn("no address", openidtest.Claims{})
	private := githubtest.Email{Email: "9+octocat@users.noreply.github.com", Primary: true, Verified: true}
	shared.github.SignIn(githubtest.User{ID: 9_000_001, Login: "private", Emails: []githubtest.Email{private}})
	shared.github.SignIn(githubtest.User{ID: 9_000_002, Login: "unverified", Emails: []githubtest.Email{{Email: address, Primary: true}}})
	shared.github.SignIn(githubtest.User{ID: 9_000_003, Login: "none"})
	before := kinds(t)
	for who, provider := range map[string]string{
		"as text": "google", "not verified": "google", "no address": "google", "private": "github", "unverified": "github", "none": "github",
	} {
		begun := startFlow(t, provider)
		got := begun.finish(t, begun.consent(t, who))
		checkRefused(t, got, http.StatusForbidden, "oauth_email_required", "OAuth authentication failed")
	}
	after := kinds(t)
	for _, kind := range []string{"U#", "E#", "N#", "I#", "S#", "O#"} {
		if after[kind] != before[kind] {
			t.Errorf("%d items %s were added", after[kind]-before[kind], kind)
		}
	}
}

// TestAnAddressRegisteredInWait: the attacker knows the password, has a session, and a scanner has followed the link in the mail.
// When the owner of the mailbox signs in, nothing of that is left.
func TestAnAddressRegisteredInWait(t *testing.T) {
	attacker := register(t, "in-wait")
	mail := awaitMail(t, shared.MailURL, "in-wait@example.com", 1)
	cookie := cookieLogin(t, "in-wait")
	if got := send(t, shared.URL, "GET", "/api/auth/verify-email/"+mail.token(t), ""); got.Status != http.StatusOK {
		t.Fatalf("the scanner: %v", got)
	}
	refreshToken := login(t, "in-wait").Member("refresh_token")
	shared.google.SignIn("victim", openidtest.Claims{"email": "In-Wait@example.com", "email_verified": true})
	begun := startFlow(t, "google")
	got := begun.finish(t, begun.consent(t, "victim"))
	if got.Status != http.StatusOK || me(t, bearer(got.Member("access_token"))).Member("username") != "in-wait" {
		t.Fatalf("the owner: %v", got)
	}
	for name, refused := range map[string]response{
		"the access token":  post(t, "/api/auth/me", "", bearer(attacker)),
		"the cookie":        post(t, "/api/auth/me", "", cookie),
		"the refresh token": refresh(t, refreshToken),
		"the password":      post(t, "/api/auth/login", credentials("in-wait")),
		"the link":          send(t, shared.URL, "GET", "/api/auth/verify-email/"+mail.token(t), ""),
	} {
		if refused.Status == http.StatusOK {
			t.Errorf("%s still works: %s", name, refused.Body)
		}
	}
	notice := awaitMail(t, shared.MailURL, "in-wait@example.com", 2)
	if !strings.Contains(notice.Subject, "password") || !strings.Contains(notice.Subject, "removed") {
		t.Errorf("the notice is %q", notice.Subject)
	}
}

// TestADisabledAccountStaysOut by an identity that it had, and by one that it would get.
func TestADisabledAccountStaysOut(t *testing.T) {
	quiet(t)
	known, linked := newPerson(t), registeredPerson(t)
	known.mark(t, known.callback(t), "active", false)
	linked.mark(t, login(t, linked.name), "active", false)
	for _, who := range []person{known, linked} {
		checkRefused(t, who.callback(t), http.StatusForbidden, "account_inactive", "Account is inactive")
	}
}

// TestManyFirstSignIns of one identity make one user.
func TestManyFirstSignIns(t *testing.T) {
	quiet(t)
	const many = 32
	who := newPerson(t)
	before := kinds(t)
	finish := make([]func() response, many)
	for i := range finish {
		finish[i] = who.prepared(t)
	}
	got := make([]response, many)
	var wait sync.WaitGroup
	for i := range finish {
		wait.Go(func() { got[i] = finish[i]() })
	}
	wait.Wait()
	users := map[string]int{}
	for _, each := range got {
		if each.Status != http.StatusOK {
			t.Fatalf("a sign-in is %v", each)
		}
		users[me(t, bearer(each.Member("access_token"))).Member("id")]++
	}
	after := kinds(t)
	if added := after["E#"] - before["E#"]; len(users) != 1 || added != 1 || after["I#"]-before["I#"] != 1 {
		t.Errorf("the users are %v, %d addresses were added", users, added)
	}
}

// TestAProviderThatIsDown is a 502 and leaves no user; one that never answers is given up after ten seconds.
func TestAProviderThatIsDown(t *testing.T) {
	quiet(t)
	who := newPerson(t)
	for name, test := range map[string]struct {
		fault standin.Fault
		most  time.Duration
	}{
		"it fails":         {standin.ServerError, 10 * time.Second},
		"it never answers": {standin.Slow, 25 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			finish, before := who.prepared(t), kinds(t)
			shared.github.Fail(githubtest.EmailsPath, test.fault)
			defer shared.github.Reset()
			ctx, cancel := context.WithTimeout(t.Context(), test.most)
			defer cancel()
			done := make(chan response, 1)
			go func() { done <- finish() }()
			select {
			case got := <-done:
				checkRefused(t, got, http.StatusBadGateway, "oauth_provider_failed", "OAuth authentication failed")
			case <-ctx.Done():
				t.Fatal("there is no answer")
			}
			if after := kinds(t); after["U#"] != before["U#"] || after["I#"] != before["I#"] {
				t.Errorf("before %v, after %v", before, after)
			}
		})
	}
}
