package githubtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"latchkey/infra/testkit/standin"
)

const documentation = "https://docs.github.com/rest"

// user serves GET /user. The address of the profile is null, as it is for most people: they rarely make it public.
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

// emails serves GET /user/emails. If the token lacks the scope, GitHub responds with 404, and so does this method.
func (s *Server) emails(w http.ResponseWriter, r *http.Request) {
	user, scopes, ok := s.caller(w, r)
	if !ok {
		return
	}
	w.Header().Set("X-Accepted-OAuth-Scopes", "user, user:email")
	if !slices.Contains(scopes, "user:email") && !slices.Contains(scopes, "user") {
		writeError(w, http.StatusNotFound, "Not Found")
		return
	}
	list := []map[string]any{} // encodes as [], not as null
	for _, email := range user.Emails[:min(len(user.Emails), perPage(r))] {
		entry := map[string]any{"email": email.Email, "primary": email.Primary, "verified": email.Verified, "visibility": nil}
		if email.Primary {
			entry["visibility"] = "private"
		}
		list = append(list, entry)
	}
	standin.WriteJSON(w, http.StatusOK, list)
}

// Page sizes of the API. This stand-in serves the first page only.
const (
	defaultPage = 30
	maxPage     = 100
)

// perPage returns the number of entries that the request allows on a page.
func perPage(r *http.Request) int {
	size, err := strconv.Atoi(r.URL.Query().Get("per_page"))
	if err != nil || size < 1 {
		return defaultPage
	}
	return min(size, maxPage)
}

// caller returns the user and the scopes of the request's token. If there is no valid token, caller writes the error
// response and returns false.
func (s *Server) caller(w http.ResponseWriter, r *http.Request) (user User, scopes []string, ok bool) {
	if r.UserAgent() == "" {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("Request forbidden by administrative rules. Please make sure your request has a User-Agent header\n"))
		return User{}, nil, false
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token == "" {
		writeError(w, http.StatusUnauthorized, "Requires authentication")
		return User{}, nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, known := s.tokens[token]
	if !known || (!strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token")) {
		writeError(w, http.StatusUnauthorized, "Bad credentials")
		return User{}, nil, false
	}
	w.Header().Set("X-OAuth-Scopes", strings.ReplaceAll(stored.scope, ",", ", "))
	return s.users[stored.login], strings.Split(stored.scope, ","), true
}

// RateLimited is the API's response to a token that has used up its requests of the hour. Only GitHub has this fault.
func RateLimited(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-RateLimit-Limit", "5000")
	w.Header().Set("X-RateLimit-Remaining", "0")
	w.Header().Set("X-RateLimit-Reset", "1893456000") // in Unix seconds; 2030
	writeError(w, http.StatusForbidden, "API rate limit exceeded for user ID 1.")
}

// writeError responds with an error of the API. GitHub repeats the status in the body, as text.
func writeError(w http.ResponseWriter, status int, message string) {
	standin.WriteJSON(w, status, map[string]string{
		"message": message, "documentation_url": documentation, "status": strconv.Itoa(status),
	})
}
