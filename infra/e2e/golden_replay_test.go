package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"latchkey/infra/testkit"
	"latchkey/pkg/app"
)

// client returns what the client of an account holds.
func (g *golden) client(t *testing.T, name string) goldenClient {
	t.Helper()
	client, known := g.Clients[name]
	if !known {
		t.Fatalf("%s has no client %q", goldenFolder, name)
	}
	return client
}

// TestGoldenItems: every credential of the former version works on its items and keys, or is refused, as it was then.
func TestGoldenItems(t *testing.T) {
	recorded := readGolden(t, nil)
	g := startGolden(t, recorded.keys, nil)
	g.signInAtProviders()
	former := readGolden(t, g.moveProviders(recorded.Providers))
	g.load(t, former)
	for _, test := range []struct {
		name string
		run  func(goldenStack, *testing.T, *golden)
	}{
		{"rate windows", goldenStack.checkWindows}, // first, since the others take permits too
		{"queued mail", goldenStack.checkMails},
		{"access tokens", goldenStack.checkAccessTokens},
		{"grace window", goldenStack.checkGrace},
		{"refresh tokens", goldenStack.checkRefreshTokens},
		{"cookies", goldenStack.checkCookies},
		{"names", goldenStack.checkNames},
		{"passwords", goldenStack.checkPasswords},
		{"guesses", goldenStack.checkGuesses},
		{"links", goldenStack.checkLinks},
		{"identities", goldenStack.checkIdentities},
		{"disabled accounts", goldenStack.checkDisabled},
		{"logout", goldenStack.checkLogout},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(g, t, former) })
	}
}

// check reports a response with another status or code. An empty code means that the response has none.
func check(t *testing.T, what string, got response, status int, code string) {
	t.Helper()
	if got.Status != status || got.Member("code") != code {
		t.Errorf("%s: got %d %s, want %d %s", what, got.Status, got.Body, status, code)
	}
}

func (g goldenStack) me(t *testing.T, header string) response {
	t.Helper()
	return g.get(t, "/api/auth/me", header)
}

func (g goldenStack) refresh(t *testing.T, token string) response {
	t.Helper()
	return g.post(t, "/api/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, token))
}

func (g goldenStack) reset(t *testing.T, link, password string) response {
	t.Helper()
	return g.post(t, "/api/auth/reset-password", fmt.Sprintf(`{"token":%q,"new_password":%q}`, link, password))
}

// checkWindows expects that the permits of a former version, whose keys have no minute, disturb nothing.
func (g goldenStack) checkWindows(t *testing.T, _ *golden) {
	got := must(t, g.post(t, "/api/auth/forgot-password", emailBody("another-nobody")), http.StatusCreated)
	limit, remaining := seconds(t, got.Header.Get("RateLimit-Limit")), seconds(t, got.Header.Get("RateLimit-Remaining"))
	if limit-remaining != 1 {
		t.Errorf("got %d of %d permits left, want all but one", remaining, limit)
	}
}

// checkMails expects that a mail that waited is sent, and that mails sent before count for the limit of the address.
func (g goldenStack) checkMails(t *testing.T, former *golden) {
	check(t, "the link of a mail that waited", g.reset(t, g.link(t, "waiting", 1), newPassword), http.StatusOK, "")
	void := func() (count int) {
		for _, item := range g.read(t)["Sessions"] {
			if item.text("state") == "void" && item.text("address") == "forgetful@example.com" {
				count++
			}
		}
		return count
	}
	before := void()
	must(t, g.post(t, "/api/auth/forgot-password", emailBody("forgetful")), http.StatusCreated)
	testkit.Eventually(t, "a mail within a minute of the former one to be void", func() bool { return void() == before+1 })
}

func (g goldenStack) checkAccessTokens(t *testing.T, former *golden) {
	for _, name := range []string{"Reader", "clerk", "rotated", "hub", "linked", "seized", "guessed", "from-django"} {
		client := former.client(t, name)
		got := g.me(t, bearer(client.Access))
		if got.Status != http.StatusOK || got.Body != client.User {
			t.Errorf("me of %s: got %v, want %s", name, got, client.User)
		}
	}
	for _, name := range []string{"changed", "disowned"} {
		check(t, "a token from before the epoch of "+name, g.me(t, bearer(former.client(t, name).Access)), http.StatusUnauthorized, "authentication_required")
	}
}

// checkGrace expects that within the grace window a replaced token gets the very pair that it was replaced by.
func (g goldenStack) checkGrace(t *testing.T, former *golden) {
	rotated := former.client(t, "rotated")
	body := fmt.Sprintf(`{"refresh_token":%q}`, rotated.Replaced)
	again := g.tokens(t, g.postTo(t, app.Refresh, "/api/auth/refresh", body, goldenEnvironment))
	if again.Refresh != rotated.Refresh {
		t.Errorf("the refresh token: got %s, want %s", again.Refresh, rotated.Refresh)
	}
	if got, want := claimsOf(t, again.Access), claimsOf(t, rotated.Access); !reflect.DeepEqual(got, want) {
		t.Errorf("the claims of the access token: got %v, want %v", got, want)
	}
}

func (g goldenStack) checkRefreshTokens(t *testing.T, former *golden) {
	next := g.tokens(t, g.refresh(t, former.client(t, "clerk").Refresh))
	check(t, "me with the new access token", g.me(t, bearer(next.Access)), http.StatusOK, "")
	check(t, "the next refresh", g.refresh(t, next.Refresh), http.StatusOK, "")

	rotated := former.client(t, "rotated")
	check(t, "a token replaced long ago", g.refresh(t, rotated.Replaced), http.StatusForbidden, "invalid_refresh_token")
	check(t, "its successor", g.refresh(t, rotated.Refresh), http.StatusForbidden, "invalid_refresh_token")
	check(t, "the access token of the session", g.me(t, bearer(rotated.Access)), http.StatusUnauthorized, "authentication_required")
	for _, token := range []string{former.client(t, "changed").Refresh, former.client(t, "seized").Replaced} {
		check(t, "a refresh token from before the epoch", g.refresh(t, token), http.StatusForbidden, "invalid_refresh_token")
	}
}

func (g goldenStack) checkCookies(t *testing.T, former *golden) {
	for _, name := range []string{"visitor", "renewed"} {
		client := former.client(t, name)
		if got := g.me(t, client.Cookie); got.Status != http.StatusOK || got.Member("username") != "visitor" {
			t.Errorf("me with the cookie of %s: got %v, want visitor", name, got)
		}
	}
	cookie := former.client(t, "renewed").Cookie
	check(t, "session/logout", g.post(t, "/api/auth/session/logout", "", cookie), http.StatusOK, "")
	check(t, "me after it", g.me(t, cookie), http.StatusUnauthorized, "authentication_required")
}

// checkNames expects that names are taken in all their spellings.
func (g goldenStack) checkNames(t *testing.T, former *golden) {
	for name := range former.Clients {
		if strings.HasPrefix(name, "flow-") || name == "renewed" {
			continue // other clients of visitor, and of nobody
		}
		body := fmt.Sprintf(`{"username":%q,"email":"free@example.com","password":%q}`, strings.ToUpper(name), goldenPassword)
		check(t, "registering the username "+name, g.post(t, "/api/auth/register", body), http.StatusForbidden, "username_taken")
		body = fmt.Sprintf(`{"username":"free","email":"%s@EXAMPLE.com","password":%q}`, strings.ToUpper(name), goldenPassword)
		check(t, "registering the address of "+name, g.post(t, "/api/auth/register", body), http.StatusForbidden, "email_taken")
	}
}

// checkPasswords expects that each hash accepts its password, and that one of another system is replaced.
func (g goldenStack) checkPasswords(t *testing.T, former *golden) {
	for _, name := range []string{"Reader", "reader@EXAMPLE.com", "linked", "from-django", "from-bcrypt", "from-prehash"} {
		check(t, "a wrong password of "+name, g.login(t, name, newPassword), http.StatusForbidden, "invalid_credentials")
		check(t, "login of "+name, g.login(t, name, goldenPassword), http.StatusOK, "")
	}
	check(t, "login of changed", g.login(t, "changed", newPassword), http.StatusOK, "")
	for _, name := range []string{"changed", "disowned", "seized", "hub", "pending"} {
		check(t, "login of "+name, g.login(t, name, goldenPassword), http.StatusForbidden, "invalid_credentials")
	}
	for _, item := range g.read(t)["Users"] {
		if hash := item.text("phc"); hash != "" && !strings.HasPrefix(hash, currentHash) {
			t.Errorf("the hash of %s: got %s, want %s…", item.text("username"), hash, currentHash)
		}
	}
}

// checkGuesses expects that strangers wait for what strangers did before, and that a known device does not.
func (g goldenStack) checkGuesses(t *testing.T, former *golden) {
	check(t, "a stranger with the password", g.login(t, "guessed", goldenPassword), http.StatusTooManyRequests, "too_many_requests")
	device := former.client(t, "guessed").Device
	check(t, "the device of the owner", g.login(t, "guessed", goldenPassword, device), http.StatusOK, "")
	for range 4 {
		check(t, "a guess at a name without an account", g.login(t, "no-one", "a wrong password"), http.StatusForbidden, "invalid_credentials")
	}
	check(t, "the sixth guess", g.login(t, "no-one", "a wrong password"), http.StatusTooManyRequests, "too_many_requests")
}

func (g goldenStack) checkLinks(t *testing.T, former *golden) {
	verify := func(name string) response { return g.get(t, "/api/auth/verify-email/"+former.client(t, name).Link) }
	for _, name := range []string{"unverified", "pending"} {
		got := verify(name)
		if check(t, "the link of "+name, got, http.StatusOK, ""); got.Member("message") != "Email verified successfully" {
			t.Errorf("the link of %s: got %s, want a first verification", name, got.Body)
		}
	}
	check(t, "login of an account that was pending", g.login(t, "pending", goldenPassword), http.StatusOK, "")
	if got := verify("Reader"); got.Member("message") != "Email already verified" {
		t.Errorf("a used link: got %v, want a repeated verification", got)
	}
	check(t, "a disowned link", verify("disowned"), http.StatusForbidden, "invalid_verification_token")

	for _, name := range []string{"forgetful", "claimed"} { // the mail of claimed was sent and not marked
		client := former.client(t, name)
		check(t, "me of "+name, g.me(t, bearer(client.Access)), http.StatusOK, "")
		check(t, "the reset link of "+name, g.reset(t, client.Link, newPassword), http.StatusOK, "")
		check(t, "me after the reset of "+name, g.me(t, bearer(client.Access)), http.StatusUnauthorized, "authentication_required")
		check(t, "login with the new password", g.login(t, name, newPassword), http.StatusOK, "")
	}
	check(t, "a used reset link", g.reset(t, former.client(t, "changed").Link, newPassword), http.StatusForbidden, "invalid_reset_token")
}

// checkIdentities expects that identities lead to their accounts, and that sign-ins in progress can be finished.
func (g goldenStack) checkIdentities(t *testing.T, former *golden) {
	finished := map[string]response{
		"hub": g.signIn(t, "hub"), "linked": g.signIn(t, "linked"), "seized": g.signIn(t, "seized"),
		"hub again":    g.finish(t, former.client(t, "flow-github"), "hub"),
		"linked again": g.finish(t, former.client(t, "flow-google"), "linked"),
	}
	for name, got := range finished {
		name, _, _ := strings.Cut(name, " ")
		want := (response{Body: former.client(t, name).User}).Member("id")
		if user := g.me(t, bearer(got.Member("access_token"))).Member("id"); user != want {
			t.Errorf("%s: got %v and user %q, want user %s", name, got, user, want)
		}
	}
	spent := g.finish(t, former.client(t, "flow-github"), "hub")
	check(t, "a spent flow", spent, http.StatusForbidden, "invalid_oauth_state")
}

func (g goldenStack) checkDisabled(t *testing.T, former *golden) {
	disabled := former.client(t, "disabled")
	check(t, "login", g.login(t, "disabled", goldenPassword), http.StatusForbidden, "account_inactive")
	check(t, "the access token", g.me(t, bearer(disabled.Access)), http.StatusUnauthorized, "authentication_required")
	check(t, "the cookie", g.me(t, disabled.Cookie), http.StatusUnauthorized, "authentication_required")
	check(t, "the refresh token", g.refresh(t, disabled.Refresh), http.StatusForbidden, "invalid_refresh_token")
	check(t, "the identity", g.signIn(t, "hub-disabled"), http.StatusForbidden, "account_inactive")
}

func (g goldenStack) checkLogout(t *testing.T, former *golden) {
	reader, visitor := former.client(t, "Reader"), former.client(t, "visitor")
	refreshToken := fmt.Sprintf(`{"refresh_token":%q}`, former.client(t, "from-bcrypt").Refresh)
	got := g.post(t, "/api/auth/logout", refreshToken, bearer(reader.Access), visitor.Cookie)
	check(t, "logout of three sessions", got, http.StatusOK, "")
	for _, header := range []string{bearer(reader.Access), visitor.Cookie, bearer(former.client(t, "from-bcrypt").Access)} {
		check(t, "me after the logout", g.me(t, header), http.StatusUnauthorized, "authentication_required")
	}
	check(t, "refresh after the logout", g.refresh(t, reader.Refresh), http.StatusForbidden, "invalid_refresh_token")
}

// claimsOf reads the claims of a token without verifying it.
func claimsOf(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
