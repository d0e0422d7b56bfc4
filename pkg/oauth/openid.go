package oauth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/oauth2"

	"latchkey/pkg/clock"
	"latchkey/pkg/config"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// openID is a provider of OpenID Connect (Core 1.0).
type openID struct {
	app      *application
	name     string
	settings config.OpenID
	now      clock.Clock

	mu        sync.Mutex
	discovery *discovery // nil until the document is read
}

func newOpenID(app *application, name string, settings config.OpenID, now clock.Clock) *openID {
	return &openID{app: app, name: name, settings: settings, now: now}
}

// discovery holds what follows from the document of a provider (OpenID Connect Discovery 1.0 §4).
type discovery struct {
	oauth2   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// discover reads the document of the provider once per container. It reads again after a failure.
func (o *openID) discover(ctx context.Context) (*discovery, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.discovery != nil {
		return o.discovery, nil
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, o.app.http), o.settings.Issuer)
	if err != nil {
		return nil, failed("discovering the provider", err)
	}
	endpoint, err := endpointOf(provider)
	if err != nil {
		return nil, failed("discovering the provider", err)
	}
	o.discovery = &discovery{
		oauth2:   o.app.config(o.name, o.settings.Client, endpoint, oidc.ScopeOpenID, "email", "profile"),
		verifier: provider.Verifier(&oidc.Config{ClientID: o.settings.Client.ID, Now: o.now}),
	}
	return o.discovery, nil
}

// endpointOf returns the endpoints of a provider and the way in which it accepts the client secret: in the body if it offers
// that, as Google requires, and otherwise in the header, which is the default of the standard. An endpoint without TLS is
// refused, as it is in the configuration, because an attacker on the network could read the secret or replace the keys.
func endpointOf(provider *oidc.Provider) (oauth2.Endpoint, error) {
	var document struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		Keys    string   `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return oauth2.Endpoint{}, err
	}
	endpoint := provider.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL, document.Keys} {
		if err := config.CheckTransport(address); err != nil {
			return oauth2.Endpoint{}, fmt.Errorf("an endpoint in the document: %w", err)
		}
	}
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if slices.Contains(document.Methods, "client_secret_post") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return endpoint, nil
}

// AuthorizationURL implements [signin.IdentityProvider].
func (o *openID) AuthorizationURL(ctx context.Context, keys signin.FlowKeys) (string, error) {
	ctx, cancel := within(ctx, o.app.http)
	defer cancel()
	provider, err := o.discover(ctx)
	if err != nil {
		return "", err
	}
	return provider.oauth2.AuthCodeURL(
		keys.State.Reveal(), oauth2.S256ChallengeOption(keys.Verifier.Reveal()), oidc.Nonce(keys.Nonce.Reveal()),
	), nil
}

// Issuer implements [signin.IdentityProvider].
func (o *openID) Issuer() string { return o.settings.Issuer }

// idClaims holds the claims of an ID token that are used (OpenID Connect Core 1.0 §2 and §5.1). go-oidc does not decode them,
// because its decoder ignores case in names and uses the last of two members. At a provider where users can choose claims, they
// could then choose their identity (RFC 7519 §4: names are compared exactly).
type idClaims struct {
	Subject         string         `json:"sub"`
	Nonce           string         `json:"nonce"`
	AuthorizedParty string         `json:"azp"`
	Email           string         `json:"email"`
	EmailVerified   jsontext.Value `json:"email_verified"`
	GivenName       string         `json:"given_name"`
	FamilyName      string         `json:"family_name"`
}

func readClaims(token *oidc.IDToken) (idClaims, error) {
	var raw jsontext.Value
	if err := token.Claims(&raw); err != nil {
		return idClaims{}, err
	}
	var claims idClaims
	return claims, json.Unmarshal(raw, &claims)
}

// Identify implements [signin.IdentityProvider].
func (o *openID) Identify(ctx context.Context, code secret.String, keys signin.FlowKeys) (signin.Profile, error) {
	ctx, cancel := within(ctx, o.app.http)
	defer cancel()
	provider, err := o.discover(ctx)
	if err != nil {
		return signin.Profile{}, err
	}
	token, err := o.app.exchange(ctx, provider.oauth2, o.settings.Client, code, keys.Verifier)
	if err != nil {
		return signin.Profile{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	claims, err := provider.verify(ctx, raw, keys.Nonce)
	if err != nil {
		return signin.Profile{}, err
	}
	return o.identified(claims), nil
}

// keysFailed is the text that go-oidc puts before the cause if it cannot fetch the keys. That error has no type.
const keysFailed = "fetching keys"

// verify applies the rules of OpenID Connect Core 1.0 §3.1.3.7 to an ID token. go-oidc checks the issuer, the audience, the
// signature and the times. Its caller must check the authorized party and the nonce.
func (d *discovery) verify(ctx context.Context, raw string, nonce secret.String) (idClaims, error) {
	token, err := d.verifier.Verify(ctx, raw)
	if err != nil && (ctx.Err() != nil || strings.Contains(err.Error(), keysFailed)) {
		return idClaims{}, failed("fetching the keys of the provider", err)
	}
	if err != nil {
		return idClaims{}, untrusted(err)
	}
	claims, err := readClaims(token)
	switch {
	case err != nil:
		return idClaims{}, untrusted(err)
	case subtle.ConstantTimeCompare([]byte(claims.Nonce), []byte(nonce.Reveal())) != 1:
		return idClaims{}, untrusted(errors.New("the nonce belongs to another flow"))
	case claims.AuthorizedParty != "" && claims.AuthorizedParty != d.oauth2.ClientID:
		return idClaims{}, untrusted(errors.New("the authorized party is another client"))
	case len(token.Audience) > 1 && claims.AuthorizedParty == "":
		return idClaims{}, untrusted(errors.New("there are several audiences and no authorized party"))
	case claims.Subject == "" || len(claims.Subject) > maxSubject:
		return idClaims{}, untrusted(errors.New("the subject is empty or too long"))
	}
	return claims, nil
}

// maxSubject is the maximum length of a subject (OpenID Connect Core 1.0 §2).
const maxSubject = 255

func untrusted(err error) error {
	return signin.ErrOAuthFailed.Because(brief("verifying the ID token", err))
}

// identified returns the identity in an ID token. It includes the address only if the provider reports it as verified with the
// JSON boolean, as the standard requires.
func (o *openID) identified(claims idClaims) signin.Profile {
	person := signin.Profile{
		Identity:  signin.Identity{Issuer: o.Issuer(), Subject: claims.Subject},
		FirstName: claims.GivenName,
		LastName:  claims.FamilyName,
	}
	person.Name, _, _ = strings.Cut(claims.Email, "@")
	if string(claims.EmailVerified) == "true" {
		person.Email = claims.Email
	}
	return person
}
