// Package githubtest imitates GitHub for tests. It has the web application flow of OAuth apps and the two calls of the
// REST API that identify the user, with the responses, errors and peculiarities that GitHub documents. It serves both
// at one address. GitHub has two.
//
// It shows no pages: the user of a test consents or refuses at once. The faults that any provider can have are in
// package standin and also work here.
package githubtest

import (
	"net/http"
	"sync"

	"latchkey/infra/testkit/standin"
)

// Paths of GitHub's endpoints, as arguments of Fail and Requests.
const (
	AuthorizePath = "/login/oauth/authorize"
	TokenPath     = "/login/oauth/access_token"
	UserPath      = "/user"
	EmailsPath    = "/user/emails"
)

// User is an account at GitHub.
type User struct {
	ID     int64
	Login  string
	Name   string // an empty name is null in responses
	Emails []Email

	Denies   bool // the user refuses the application
	NoEmails bool // the user removes the scope user:email from the grant, which GitHub allows
}

// Email is one address of a User. GitHub reports the visibility of the primary address only.
type Email struct {
	Email             string
	Primary, Verified bool
}

// Server is a running stand-in. Its methods may be called at any time, from any goroutine.
type Server struct {
	*standin.Server
	client standin.Client
	codes  standin.Codes[grant]

	mu     sync.Mutex
	users  map[string]User // by login
	next   string          // login of the user that the next authorization request gets
	tokens map[string]grant
}

// grant is the access that a code or token represents.
type grant struct {
	login string
	scope string // separated by commas, as GitHub lists scopes
}

// Start starts a server that knows one application. The caller must call Close.
func Start(client standin.Client) (*Server, error) {
	s := &Server{client: client, users: map[string]User{}, tokens: map[string]grant{}}
	endpoints := http.NewServeMux()
	endpoints.HandleFunc("GET "+AuthorizePath, s.authorize)
	endpoints.HandleFunc("POST "+TokenPath, s.token)
	endpoints.HandleFunc("GET "+UserPath, s.user)
	endpoints.HandleFunc("GET "+EmailsPath, s.emails)
	var err error
	s.Server, err = standin.Start(endpoints)
	return s, err
}

// SignIn adds or replaces the user. Authorization requests get this user until the next call. A test with several
// browsers at once selects an added user by the parameter login of the authorization request.
func (s *Server) SignIn(user User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user.Login] = user
	s.next = user.Login
}

// selectUser returns the user with that login, or the user of the last SignIn if login is empty.
func (s *Server) selectUser(login string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if login == "" {
		login = s.next
	}
	user, known := s.users[login]
	return user, known
}
