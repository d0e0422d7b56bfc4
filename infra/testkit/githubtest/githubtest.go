// Package githubtest is a stand-in for GitHub in tests: the web application flow of its OAuth apps and the two calls of its REST API
// that tell who signed in, with the answers, errors and oddities that GitHub documents. It serves both under one address, where
// GitHub has two.
//
// It is no provider for people: whoever is sent to it has agreed, or refused, at once. What any provider can do wrong is in package
// standin, whose faults work here too.
package githubtest

import (
	"net/http"
	"sync"

	"latchkey/infra/testkit/standin"
)

// Paths of GitHub's endpoints, for counts and faults.
const (
	AuthorizePath = "/login/oauth/authorize"
	TokenPath     = "/login/oauth/access_token"
	UserPath      = "/user"
	EmailsPath    = "/user/emails"
)

// User is somebody with an account at GitHub.
type User struct {
	ID     int64
	Login  string
	Name   string // "" is null in the answer
	Emails []Email

	Denies   bool // refuses the application
	NoEmails bool // has taken the scope user:email off the grant, which GitHub allows
}

// Email is one address of a User. GitHub tells its visibility for the primary one only.
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
	next   string          // login of who is at the browser
	tokens map[string]grant
}

// grant is what a code or token stands for.
type grant struct {
	login string
	scope string // as GitHub lists scopes: separated by commas
}

// Start starts a stand-in that knows one application. It ends with Close.
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

// SignIn adds or changes the user and puts him before the browser, until the next call. Where several browsers are under way, the
// parameter login of the authorization request picks one of those that were added.
func (s *Server) SignIn(user User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[user.Login] = user
	s.next = user.Login
}

// atBrowser is who answers an authorization request, of that login if it names one.
func (s *Server) atBrowser(login string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if login == "" {
		login = s.next
	}
	user, known := s.users[login]
	return user, known
}
