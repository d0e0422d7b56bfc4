package githubtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"latchkey/infra/testkit/standin"
)

const documentation = "https://docs.github.com/rest"

// user answers GET /user. The address of the profile is null: people rarely make it public.
func (s *Server) user(w http.ResponseWriter, r *http.Request) {
	user, _, ok := s.caller(w, r)
	if !ok {
		return
	}
	var name any
	if user.Name != "" {
		name = user.Name
	}
	standin.WriteJSON(w, http.StatusOK, map[string]any{
		"id": user.ID, "login": user.Login, "name": name, "email": nil, "type": "User", "site_admin": false,
	})
}

// emails answers GET /user/emails. Without the scope for it GitHub hides that there is such a thing.
func (s *Server) emails(w http.ResponseWriter, r *http.Request) {
	user, scopes, ok := s.caller(w, r)
	if !ok {
		return
	}
	w.Header().Set("X-Accepted-OAuth-Scopes", "user, user:email")
	if !slices.Contains(scopes, "user:email") && !slices.Contains(scopes, "user") {
		complain(w, http.StatusNotFound, "Not Found")
		return
	}
	list := []map[string]any{} // never null
	for _, email := range user.Emails[:min(len(user.Emails), perPage(r))] {
		entry := map[string]any{"email": email.Email, "primary": email.Primary, "verified": email.Verified, "visibility": nil}
		if email.Primary {
			entry["visibility"] = "private"
		}
		list = append(list, entry)
	}
	standin.WriteJSON(w, http.StatusOK, list)
}

// Bounds of a page of the API; there are no further pages here.
const (
	usualPage   = 30
	longestPage = 100
)

// perPage is how many entries the request wants at once.
func perPage(r *http.Request) int {
	asked, err := strconv.Atoi(r.URL.Query().Get("per_page"))
	if err != nil || asked < 1 {
		return usualPage
	}
	return min(asked, longestPage)
}

// caller is whose token the request has, and its scopes. If it has none, the request is answered.
func (s *Server) caller(w http.ResponseWriter, r *http.Request) (user User, scopes []string, ok bool) {
	if r.UserAgent() == "" {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("Request forbidden by administrative rules. Please make sure your request has a User-Agent header\n"))
		return User{}, nil, false
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token == "" {
		complain(w, http.StatusUnauthorized, "Requires authentication")
		return User{}, nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, known := s.tokens[token]
	if !known || (!strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token")) {
		complain(w, http.StatusUnauthorized, "Bad credentials")
		return User{}, nil, false
	}
	w.Header().Set("X-OAuth-Scopes", strings.ReplaceAll(held.scope, ",", ", "))
	return s.users[held.login], strings.Split(held.scope, ","), true
}

// RateLimited is a fault of GitHub's own: the API's answer to a token that has used up its hour.
func RateLimited(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-RateLimit-Limit", "5000")
	w.Header().Set("X-RateLimit-Remaining", "0")
	w.Header().Set("X-RateLimit-Reset", "1893456000") // in Unix seconds; 2030
	complain(w, http.StatusForbidden, "API rate limit exceeded for user ID 1.")
}

// complain answers as the API does: GitHub's errors there have a status, once as a number and once as text.
func complain(w http.ResponseWriter, status int, message string) {
	standin.WriteJSON(w, status, map[string]string{
		"message": message, "documentation_url": documentation, "status": strconv.Itoa(status),
	})
}
