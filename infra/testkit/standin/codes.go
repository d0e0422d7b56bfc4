package standin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"sync"
)

// Codes holds the authorization codes that were issued and not yet redeemed (RFC 6749 §4.1.2). Each code represents a
// grant of type G. The zero value is ready to use.
type Codes[G any] struct {
	mu          sync.Mutex
	outstanding map[string]authorization[G]
}

type authorization[G any] struct {
	grant       G
	redirectURI string
	challenge   string
}

// Errors of an authorization request. A provider shows these to the user and does not redirect (RFC 6749 §4.1.2.1).
var (
	ErrRedirectURI = errors.New("the redirect URI is not on this machine")
	ErrChallenge   = errors.New("there is no code challenge, or its method is not S256")
)

// Issue creates a code for an authorization request and returns the address to redirect the browser to. The address
// includes the state. The request must use PKCE (RFC 7636 §4.3).
func (c *Codes[G]) Issue(request url.Values, grant G) (string, error) {
	redirectURI, challenge := request.Get("redirect_uri"), request.Get("code_challenge")
	if challenge == "" || request.Get("code_challenge_method") != "S256" {
		return "", ErrChallenge
	}
	code := rand.Text()
	target, err := Return(request, url.Values{"code": {code}})
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outstanding == nil {
		c.outstanding = map[string]authorization[G]{}
	}
	c.outstanding[code] = authorization[G]{grant, redirectURI, challenge}
	return target, nil
}

// Redeem returns the grant of the token request's code. It reports false if the code is unknown or already redeemed, or
// if the redirect URI (RFC 6749 §4.1.3) or the code verifier (RFC 7636 §4.6) does not match the authorization request. A
// mismatch spends the code as well.
func (c *Codes[G]) Redeem(request url.Values) (grant G, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	code := request.Get("code")
	issued, ok := c.outstanding[code]
	delete(c.outstanding, code)
	sum := sha256.Sum256([]byte(request.Get("code_verifier")))
	ok = ok && request.Get("redirect_uri") == issued.redirectURI && base64.RawURLEncoding.EncodeToString(sum[:]) == issued.challenge
	return issued.grant, ok
}

// Return returns the request's redirect URI with the parameters and the request's state added.
func Return(request, parameters url.Values) (string, error) {
	target, err := url.Parse(request.Get("redirect_uri"))
	if err != nil || (target.Hostname() != "localhost" && target.Hostname() != "127.0.0.1") {
		return "", ErrRedirectURI
	}
	query := target.Query()
	for name, values := range parameters {
		query[name] = values
	}
	if state := request.Get("state"); state != "" {
		query.Set("state", state)
	}
	target.RawQuery = query.Encode()
	return target.String(), nil
}
