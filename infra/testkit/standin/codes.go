package standin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"sync"
)

// Codes are the authorization codes that were given out and not taken back (RFC 6749 §4.1.2), each for a grant of type G.
type Codes[G any] struct {
	mu    sync.Mutex
	given map[string]given[G]
}

type given[G any] struct {
	grant       G
	redirectURI string
	challenge   string
}

// What an authorization request can lack. A provider shows these to the person and redirects nowhere (RFC 6749 §4.1.2.1).
var (
	ErrRedirectURI = errors.New("the redirect URI is not on this machine")
	ErrChallenge   = errors.New("there is no code challenge, or its method is not S256")
)

// Issue makes a code for an authorization request and returns where the browser goes with it. PKCE is demanded (RFC 7636 §4.3), state
// goes along.
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
	if c.given == nil {
		c.given = map[string]given[G]{}
	}
	c.given[code] = given[G]{grant, redirectURI, challenge}
	return target, nil
}

// Redeem takes a code back, once, if the token request fits the authorization request: redirect URI (RFC 6749 §4.1.3) and code
// verifier (RFC 7636 §4.6). A request that does not fit spends the code too.
func (c *Codes[G]) Redeem(request url.Values) (grant G, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	code := request.Get("code")
	found, ok := c.given[code]
	delete(c.given, code)
	sum := sha256.Sum256([]byte(request.Get("code_verifier")))
	ok = ok && request.Get("redirect_uri") == found.redirectURI && base64.RawURLEncoding.EncodeToString(sum[:]) == found.challenge
	return found.grant, ok
}

// Return is the request's redirect URI with the parameters and the request's state.
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
