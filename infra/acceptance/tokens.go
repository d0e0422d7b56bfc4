package acceptance

import (
	"net/http"
	"strings"
	"testing"
)

// looksAround reads what is public.
func (v *visitor) looksAround(t *testing.T) {
	health := v.get(t, "/api/auth/health")
	if health.status != http.StatusOK || health.member("status") != "ok" {
		t.Errorf("the health is %d %s", health.status, health.body)
	}
	CheckHeaders(t, health.header)
	discovery := v.get(t, "/.well-known/openid-configuration")
	issuer := discovery.member("issuer")
	if discovery.status != http.StatusOK || discovery.member("jwks_uri") != issuer+"/.well-known/jwks.json" {
		t.Errorf("the discovery document is %d %s", discovery.status, discovery.body)
	}
	keys := v.get(t, "/.well-known/jwks.json")
	if keys.status != http.StatusOK || !strings.HasPrefix(keys.body, `{"keys":[{`) {
		t.Errorf("the key set is %d %s", keys.status, keys.body)
	}
	checkRefusal(t, v.get(t, "/api/auth/nowhere"), http.StatusNotFound, "Not Found")
	wrong := v.get(t, "/api/auth/login")
	checkRefusal(t, wrong, http.StatusMethodNotAllowed, "Method Not Allowed")
	if allow := wrong.header.Get("Allow"); allow != http.MethodPost {
		t.Errorf("Allow is %q", allow)
	}
}

func (v *visitor) registers(t *testing.T) {
	got := v.post(t, "/api/auth/register", map[string]string{
		"username": v.username, "email": v.email, "password": v.password, "first_name": "Guido", "last_name": "van Rossum",
	})
	checkTokens(t, got, http.StatusCreated)
	if me := v.get(t, "/api/auth/me", bearer(got.member("access_token"))); me.member("username") != v.username {
		t.Errorf("a new user is %d %s", me.status, me.body)
	}
}

// login presents the name and the password given.
func (v *visitor) login(t *testing.T, path, name, password string) answer {
	t.Helper()
	return v.post(t, path, map[string]string{"username": name, "password": password})
}

func (v *visitor) logsIn(t *testing.T) {
	checkTokens(t, v.login(t, "/api/auth/login", v.email, v.password), http.StatusOK)
	got := v.login(t, "/api/auth/login", v.username, v.password)
	checkTokens(t, got, http.StatusOK)
	v.access, v.refresh = got.member("access_token"), got.member("refresh_token")
	want := map[string]any{
		"username": v.username, "email": v.email, "first_name": "Guido", "last_name": "van Rossum",
		"is_active": true, "is_staff": false, "is_superuser": false, "email_verified": false, "has_membership": false,
		"oauth_provider": nil,
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		checkUser(t, v.send(t, method, "/api/auth/me", "", bearer(v.access)), want)
	}
}

// isRefused makes the mistakes that the guide names.
func (v *visitor) isRefused(t *testing.T) {
	const login, register = "/api/auth/login", "/api/auth/register"
	checkRefusal(t, v.login(t, login, v.username, "WrongPass123!"), http.StatusForbidden, "Invalid credentials")
	checkRefusal(t, v.login(t, login, v.username+"-unknown", v.password), http.StatusForbidden, "Invalid credentials")
	taken := map[string]string{"username": strings.ToUpper(v.username), "email": "other-" + v.email, "password": v.password}
	checkRefusal(t, v.post(t, register, taken), http.StatusForbidden, "Username already exists")
	faulty := v.post(t, register, map[string]string{"username": "x", "email": "no address", "password": "short"})
	checkRefusal(t, faulty, http.StatusBadRequest, "Validation failed for POST /api/auth/register")
	for _, field := range []string{"username", "email", "password"} {
		if !strings.Contains(faulty.body, `{"key":"`+field+`",`) {
			t.Errorf("the fault of %s is not told: %s", field, faulty.body)
		}
	}
	checkRefusal(t, v.send(t, http.MethodPost, login, "{", "Content-Type: application/json"), http.StatusBadRequest, "JSON is malformed")
	checkRefusal(t, v.get(t, "/api/auth/me"), http.StatusUnauthorized, "Authentication required")
	checkRefusal(t, v.get(t, "/api/auth/me", bearer("x")), http.StatusUnauthorized, "Authentication required")
	checkRefusal(t, v.get(t, "/api/auth/verify-email/x"), http.StatusForbidden, "Invalid or expired verification token")
	reset := v.post(t, "/api/auth/reset-password", map[string]string{"token": "x", "new_password": "NewSecurePass456!"})
	checkRefusal(t, reset, http.StatusForbidden, "Invalid or expired reset token")
}

func (v *visitor) refreshes(t *testing.T) {
	used := map[string]string{"refresh_token": v.refresh}
	got := v.post(t, "/api/auth/refresh", used)
	checkTokens(t, got, http.StatusOK)
	if again := v.post(t, "/api/auth/refresh", used); again.member("refresh_token") != got.member("refresh_token") {
		t.Errorf("a repeated refresh, as after a lost answer, gives %d and another token", again.status)
	}
	v.access, v.refresh = got.member("access_token"), got.member("refresh_token")
	refused := v.post(t, "/api/auth/refresh", map[string]string{"refresh_token": "x"})
	checkRefusal(t, refused, http.StatusForbidden, "Invalid refresh token")
}

// logsOut finds that both tokens have ended.
func (v *visitor) logsOut(t *testing.T) {
	checkMessage(t, v.send(t, http.MethodPost, "/api/auth/logout", "", bearer(v.access)), http.StatusOK, "Successfully logged out")
	checkRefusal(t, v.get(t, "/api/auth/me", bearer(v.access)), http.StatusUnauthorized, "Authentication required")
	refused := v.post(t, "/api/auth/refresh", map[string]string{"refresh_token": v.refresh})
	checkRefusal(t, refused, http.StatusForbidden, "Invalid refresh token")
	again := v.send(t, http.MethodPost, "/api/auth/logout", "", bearer(v.access))
	checkRefusal(t, again, http.StatusUnauthorized, "Authentication required")
}
