package acceptance

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/infra/testkit/httpclient"
)

// readPublicDocuments reads what needs no credential.
func (u *user) readPublicDocuments(t *testing.T) {
	health := u.get(t, "/api/auth/health")
	if health.Status != http.StatusOK || health.Member("status") != "ok" {
		t.Errorf("health: got %v, want 200 and the status ok", health)
	}
	CheckHeaders(t, health.Header)
	discovery := u.get(t, "/.well-known/openid-configuration")
	wantKeys := discovery.Member("issuer") + "/.well-known/jwks.json"
	if discovery.Status != http.StatusOK || discovery.Member("jwks_uri") != wantKeys {
		t.Errorf("discovery: got %v, want 200 and the jwks_uri %s", discovery, wantKeys)
	}
	keys := u.get(t, "/.well-known/jwks.json")
	if keys.Status != http.StatusOK || !strings.HasPrefix(keys.Body, `{"keys":[{`) {
		t.Errorf("jwks: got %v, want 200 and a key set", keys)
	}
	checkRefusal(t, u.get(t, "/api/auth/nowhere"), http.StatusNotFound, "Not Found")
	wrongMethod := u.get(t, "/api/auth/login")
	checkRefusal(t, wrongMethod, http.StatusMethodNotAllowed, "Method Not Allowed")
	if allow := wrongMethod.Header.Get("Allow"); allow != http.MethodPost {
		t.Errorf("GET /api/auth/login: got Allow %q, want %q", allow, http.MethodPost)
	}
}

func (u *user) register(t *testing.T) {
	got := u.post(t, "/api/auth/register", map[string]string{
		"username": u.username, "email": u.email, "password": u.password, "first_name": "Guido", "last_name": "van Rossum",
	})
	checkTokens(t, got, http.StatusCreated)
	if me := u.get(t, "/api/auth/me", httpclient.Bearer(got.Member("access_token"))); me.Member("username") != u.username {
		t.Errorf("me after the registration: got %v, want the user %s", me, u.username)
	}
}

// login sends a name and a password to one of the two login endpoints.
func (u *user) login(t *testing.T, path, name, password string) httpclient.Response {
	t.Helper()
	return u.post(t, path, map[string]string{"username": name, "password": password})
}

func (u *user) logIn(t *testing.T) {
	checkTokens(t, u.login(t, "/api/auth/login", u.email, u.password), http.StatusOK)
	got := u.login(t, "/api/auth/login", u.username, u.password)
	checkTokens(t, got, http.StatusOK)
	u.access, u.refresh = got.Member("access_token"), got.Member("refresh_token")
	want := map[string]any{
		"username": u.username, "email": u.email, "first_name": "Guido", "last_name": "van Rossum",
		"is_active": true, "is_staff": false, "is_superuser": false, "email_verified": false, "has_membership": false,
		"oauth_provider": nil,
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		checkUser(t, u.send(t, method, "/api/auth/me", "", httpclient.Bearer(u.access)), want)
	}
}

// makeMistakes sends the invalid requests that the guide mentions.
func (u *user) makeMistakes(t *testing.T) {
	const login, register = "/api/auth/login", "/api/auth/register"
	checkRefusal(t, u.login(t, login, u.username, "WrongPass123!"), http.StatusForbidden, "Invalid credentials")
	checkRefusal(t, u.login(t, login, u.username+"-unknown", u.password), http.StatusForbidden, "Invalid credentials")
	taken := map[string]string{"username": strings.ToUpper(u.username), "email": "other-" + u.email, "password": u.password}
	checkRefusal(t, u.post(t, register, taken), http.StatusForbidden, "Username already exists")
	invalid := u.post(t, register, map[string]string{"username": "x", "email": "no address", "password": "short"})
	checkRefusal(t, invalid, http.StatusBadRequest, "Validation failed for POST /api/auth/register")
	for _, field := range []string{"username", "email", "password"} {
		if want := `{"key":"` + field + `",`; !strings.Contains(invalid.Body, want) {
			t.Errorf("register with an invalid %s: got %v, want it to contain %s", field, invalid, want)
		}
	}
	checkRefusal(t, u.send(t, http.MethodPost, login, "{", httpclient.JSON), http.StatusBadRequest, "JSON is malformed")
	checkRefusal(t, u.get(t, "/api/auth/me"), http.StatusUnauthorized, "Authentication required")
	checkRefusal(t, u.get(t, "/api/auth/me", httpclient.Bearer("x")), http.StatusUnauthorized, "Authentication required")
	checkRefusal(t, u.get(t, "/api/auth/verify-email/x"), http.StatusForbidden, "Invalid or expired verification token")
	reset := u.post(t, "/api/auth/reset-password", map[string]string{"token": "x", "new_password": "NewSecurePass456!"})
	checkRefusal(t, reset, http.StatusForbidden, "Invalid or expired reset token")
}

// refreshTokens sends one refresh token twice, as a client does that has lost the first response.
func (u *user) refreshTokens(t *testing.T) {
	body := map[string]string{"refresh_token": u.refresh}
	got := u.post(t, "/api/auth/refresh", body)
	checkTokens(t, got, http.StatusOK)
	if again := u.post(t, "/api/auth/refresh", body); again.Member("refresh_token") != got.Member("refresh_token") {
		t.Errorf("repeated refresh: got %v, want the refresh token of %v", again, got)
	}
	u.access, u.refresh = got.Member("access_token"), got.Member("refresh_token")
	invalid := u.post(t, "/api/auth/refresh", map[string]string{"refresh_token": "x"})
	checkRefusal(t, invalid, http.StatusForbidden, "Invalid refresh token")
}

// logOut checks that a logout ends both tokens.
func (u *user) logOut(t *testing.T) {
	checkMessage(t, u.send(t, http.MethodPost, "/api/auth/logout", "", httpclient.Bearer(u.access)), http.StatusOK, "Successfully logged out")
	checkRefusal(t, u.get(t, "/api/auth/me", httpclient.Bearer(u.access)), http.StatusUnauthorized, "Authentication required")
	refreshed := u.post(t, "/api/auth/refresh", map[string]string{"refresh_token": u.refresh})
	checkRefusal(t, refreshed, http.StatusForbidden, "Invalid refresh token")
	again := u.send(t, http.MethodPost, "/api/auth/logout", "", httpclient.Bearer(u.access))
	checkRefusal(t, again, http.StatusUnauthorized, "Authentication required")
}
