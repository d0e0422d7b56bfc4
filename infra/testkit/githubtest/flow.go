package githubtest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"latchkey/infra/testkit/standin"
)

// troubleshooting begins the addresses of the pages that document the errors of the flow. Each error has an anchor.
const troubleshooting = "/apps/managing-oauth-apps/troubleshooting-"

// authorize serves the authorization endpoint. It decides for the user at once, without a page. An unknown application
// gets 404, as at GitHub. This stand-in requires PKCE and responds with 400 if the request lacks it; GitHub does not
// document that case.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	request := r.URL.Query()
	user, known := s.selectUser(request.Get("login"))
	if !known || request.Get("client_id") != s.client.ID {
		http.NotFound(w, r)
		return
	}
	var target string
	var err error
	if user.Denies {
		target, err = standin.Return(request, url.Values{
			"error":             {"access_denied"},
			"error_description": {"The user has denied your application access."},
			"error_uri":         {troubleshooting + "authorization-request-errors/#access-denied"},
		})
	} else {
		scopes := strings.Fields(request.Get("scope"))
		target, err = s.codes.Issue(request, grant{login: user.Login, scope: strings.Join(scopes, ",")})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}

// token serves the token endpoint: it exchanges a code for an access token. GitHub's errors have status 200.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Form.Get("client_id") != s.client.ID || r.Form.Get("client_secret") != s.client.Secret {
		refuse(w, r, "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
		return
	}
	access, ok := s.codes.Redeem(r.Form)
	if !ok {
		refuse(w, r, "bad_verification_code", "The code passed is incorrect or expired.")
		return
	}
	token := "gho_" + rand.Text()
	s.mu.Lock()
	if s.users[access.login].NoEmails {
		access.scope = ""
	}
	s.tokens[token] = access
	s.mu.Unlock()
	respond(w, r, map[string]string{"access_token": token, "scope": access.scope, "token_type": "bearer"})
}

func refuse(w http.ResponseWriter, r *http.Request, code, description string) {
	respond(w, r, map[string]string{
		"error": code, "error_description": description,
		"error_uri": troubleshooting + "oauth-app-access-token-request-errors/#" + strings.ReplaceAll(code, "_", "-"),
	})
}

// respond writes a form, or JSON if the client requests it.
func respond(w http.ResponseWriter, r *http.Request, members map[string]string) {
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		standin.WriteJSON(w, http.StatusOK, members)
		return
	}
	form := url.Values{}
	for name, value := range members {
		form.Set(name, value)
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = w.Write([]byte(form.Encode())) // fails only if the client has disconnected
}
