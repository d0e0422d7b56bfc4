// Package openidtest is an OpenID provider for tests whose ID tokens a test can make invalid, with another issuer or
// audience, a foreign key, or no signature. Its other responses follow OpenID Connect Core 1.0 and Discovery 1.0.
//
// It exists for behavior that no real provider shows. Valid sign-ins are tested with a real one, oidc-provider, which
// package engine starts. The faults that any provider can have are in package standin and also work here.
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

// Paths of the endpoints, as arguments of Fail and Requests.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/jwks"
	AuthorizePath = "/authorize"
	TokenPath     = "/token"
)

// Claims holds the claims of an ID token, or the members of the discovery document.
type Claims map[string]any

// Server is a running provider. Its URL is the issuer. Its methods are safe for concurrent use.
type Server struct {
	*standin.Server
	client standin.Client
	now    func() time.Time
	codes  standin.Codes[grant]
	key    *ecdsa.PrivateKey

	mu       sync.Mutex
	accounts map[string]account // by subject
	next     string             // subject of the account that the next authorization request gets
	document Claims             // changes to the discovery document
}

// account is one account and the alterations of its ID tokens.
type account struct {
	claims      Claims
	alterations []Alteration
	denies      bool
}

// grant is the sign-in that a code represents.
type grant struct {
	account account
	nonce   string
}

// Start starts a provider that knows one application. The caller must call Close.
func Start(client standin.Client, now func() time.Time) (*Server, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the key of the OpenID stand-in: %w", err)
	}
	s := &Server{client: client, now: now, key: key, accounts: map[string]account{}, document: Claims{}}
	endpoints := http.NewServeMux()
	endpoints.HandleFunc("GET "+DiscoveryPath, s.discovery)
	endpoints.HandleFunc("GET "+KeysPath, s.keys)
	endpoints.HandleFunc("GET "+AuthorizePath, s.authorize)
	endpoints.HandleFunc("POST "+TokenPath, s.token)
	s.Server, err = standin.Start(endpoints)
	return s, err
}

// SignIn adds or replaces the account with that subject. Authorization requests get this account until the next call.
// Its ID tokens have the claims in addition to the standard ones. The alterations are then applied in order. A test
// with several browsers at once selects an added subject by the parameter login_hint of the authorization request.
func (s *Server) SignIn(subject string, claims Claims, alterations ...Alteration) {
	s.add(subject, account{claims: claims, alterations: alterations})
}

// Deny makes authorization requests get an account that refuses the application, until the next SignIn.
func (s *Server) Deny() { s.add("refuses", account{denies: true}) }

func (s *Server) add(subject string, user account) {
	user.claims = maps.Clone(user.claims)
	if user.claims == nil {
		user.claims = Claims{}
	}
	user.claims["sub"] = subject
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[subject] = user
	s.next = subject
}

// Document changes members of the discovery document from now on. A nil value removes the member.
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

// authorize serves the authorization endpoint. It decides for the user at once, without a page.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	request := r.URL.Query()
	s.mu.Lock()
	subject := s.next
	if hint := request.Get("login_hint"); hint != "" {
		subject = hint
	}
	user, known := s.accounts[subject]
	s.mu.Unlock()
	if !known || request.Get("client_id") != s.client.ID || request.Get("response_type") != "code" {
		http.Error(w, "unknown account, application or response type", http.StatusBadRequest)
		return
	}
	var target string
	var err error
	if user.denies {
		target, err = standin.Return(request, url.Values{"error": {"access_denied"}, "error_description": {"denied"}})
	} else {
		target, err = s.codes.Issue(request, grant{account: user, nonce: request.Get("nonce")})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}
