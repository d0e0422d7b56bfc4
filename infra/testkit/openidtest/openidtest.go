// Package openidtest is an OpenID provider whose ID tokens a test makes wrong: other issuers and audiences, foreign keys, no signature
// at all. What it says otherwise is what OpenID Connect Core 1.0 and Discovery 1.0 ask for.
//
// It is for what no real provider would do. The real one that the same code is tested with is oidc-provider, which package engine
// starts. What any provider can do wrong is in package standin, whose faults work here too.
package openidtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"latchkey/infra/testkit/standin"
)

// Paths of the endpoints, for counts and faults.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/jwks"
	AuthorizePath = "/authorize"
	TokenPath     = "/token"
)

// Claims are those of an ID token or the members of the discovery document.
type Claims map[string]any

// Server is a running stand-in; its URL is the issuer. Its methods may be called at any time, from any goroutine.
type Server struct {
	*standin.Server
	client standin.Client
	now    func() time.Time
	codes  standin.Codes[grant]
	key    *ecdsa.PrivateKey

	mu       sync.Mutex
	people   map[string]person // by subject
	next     string            // subject of who is at the browser
	document Claims            // changes of the discovery document
}

// person is somebody who has an account here, and what is done to his ID tokens.
type person struct {
	claims      Claims
	alterations []Alteration
	denies      bool
}

// grant is what a code stands for.
type grant struct {
	person person
	nonce  string
}

// Start starts a stand-in that knows one application. It ends with Close.
func Start(client standin.Client, now func() time.Time) (*Server, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of the OpenID stand-in: %w", err)
	}
	s := &Server{client: client, now: now, key: key, people: map[string]person{}, document: Claims{}}
	endpoints := http.NewServeMux()
	endpoints.HandleFunc("GET "+DiscoveryPath, s.discovery)
	endpoints.HandleFunc("GET "+KeysPath, s.keys)
	endpoints.HandleFunc("GET "+AuthorizePath, s.authorize)
	endpoints.HandleFunc("POST "+TokenPath, s.token)
	s.Server, err = standin.Start(endpoints)
	return s, err
}

// SignIn adds or changes the person with that subject and puts him before the browser, until the next call. His ID tokens have the
// claims beside those that every one has, then the alterations in their order. Where several browsers are under way, the parameter
// login_hint of the authorization request picks a subject of those that were added.
func (s *Server) SignIn(subject string, claims Claims, alterations ...Alteration) {
	s.add(subject, person{claims: claims, alterations: alterations})
}

// Deny puts somebody before the browser who refuses the application.
func (s *Server) Deny() { s.add("who denies", person{denies: true}) }

func (s *Server) add(subject string, someone person) {
	someone.claims = maps.Clone(someone.claims)
	if someone.claims == nil {
		someone.claims = Claims{}
	}
	someone.claims["sub"] = subject
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[subject] = someone
	s.next = subject
}

// Document changes members of the discovery document from now on; nil removes one.
func (s *Server) Document(changes Claims) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.document, changes)
}

func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	document := Claims{
		"issuer": s.URL, "authorization_endpoint": s.URL + AuthorizePath, "token_endpoint": s.URL + TokenPath,
		"jwks_uri": s.URL + KeysPath, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"},
	}
	s.mu.Lock()
	maps.Copy(document, s.document)
	s.mu.Unlock()
	maps.DeleteFunc(document, func(_ string, value any) bool { return value == nil })
	standin.WriteJSON(w, http.StatusOK, document)
}

// authorize answers for the person at once.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	request := r.URL.Query()
	s.mu.Lock()
	subject := s.next
	if hint := request.Get("login_hint"); hint != "" {
		subject = hint
	}
	someone, known := s.people[subject]
	s.mu.Unlock()
	if !known || request.Get("client_id") != s.client.ID || request.Get("response_type") != "code" {
		http.Error(w, "unknown person, application or response type", http.StatusBadRequest)
		return
	}
	var target string
	var err error
	if someone.denies {
		target, err = standin.Return(request, url.Values{"error": {"access_denied"}, "error_description": {"denied"}})
	} else {
		target, err = s.codes.Issue(request, grant{person: someone, nonce: request.Get("nonce")})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}
