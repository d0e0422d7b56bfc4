package oauth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/oauth2"

	"latchkey/pkg/config"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// openID is the provider whose issuer is configured (OpenID Connect Core 1.0).
type openID struct{ providers *Providers }

// discovery is what an OpenID provider's document says (OpenID Connect Discovery 1.0 §4).
type discovery struct {
	application oauth2.Config
	verifier    *oidc.IDTokenVerifier
}

// discover reads the provider's document once in the life of a container; a failure is not kept.
func (p *Providers) discover(ctx context.Context) (*discovery, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.discovered != nil {
		return p.discovered, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.settings.GoogleIssuer)
	if err != nil {
		return nil, failed("discovering the provider", err)
	}
	endpoint, err := endpointOf(found)
	if err != nil {
		return nil, failed("discovering the provider", err)
	}
	p.discovered = &discovery{
		application: p.application(google, p.settings.Google, endpoint, oidc.ScopeOpenID, "email", "profile"),
		verifier:    found.Verifier(&oidc.Config{ClientID: p.settings.Google.ID, Now: p.now}),
	}
	return p.discovered, nil
}

// endpointOf says where a provider's endpoints are and how a client shows its secret there: in the body where that is
// offered, as Google wants it, else in the header, which is what a provider that says nothing expects. An endpoint in the
// clear is refused, as it is in the configuration: whoever listens would have the secret, or could change the keys.
func endpointOf(found *oidc.Provider) (oauth2.Endpoint, error) {
	var told struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		Keys    string   `json:"jwks_uri"`
	}
	if err := found.Claims(&told); err != nil {
		return oauth2.Endpoint{}, err
	}
	endpoint := found.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL, told.Keys} {
		if err := config.CheckTransport(address); err != nil {
			return oauth2.Endpoint{}, fmt.Errorf("an endpoint in the document: %w", err)
		}
	}
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if slices.Contains(told.Methods, "client_secret_post") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return endpoint, nil
}

// AuthorizationURL implements [IdentityProvider].
func (o openID) AuthorizationURL(ctx context.Context, keys signin.FlowKeys) (string, error) {
	ctx, cancel := within(ctx, o.providers.client)
	defer cancel()
	provider, err := o.providers.discover(ctx)
	if err != nil {
		return "", err
	}
	return provider.application.AuthCodeURL(
		keys.State.Reveal(), oauth2.S256ChallengeOption(keys.Verifier.Reveal()), oidc.Nonce(keys.Nonce.Reveal()),
	), nil
}

// Issuer implements [IdentityProvider].
func (o openID) Issuer() string { return o.providers.settings.GoogleIssuer }

// idClaims are the claims of an ID token that are used (OpenID Connect Core 1.0 §2 and §5.1). They are not read by go-oidc,
// whose decoder takes Email or SUB for another spelling of the claim, and of two the last: a provider that lets people
// choose claims of their own would let them choose who they are (RFC 7519 §4: names are compared as they stand).
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

// Identify implements [IdentityProvider].
func (o openID) Identify(ctx context.Context, code secret.String, keys signin.FlowKeys) (signin.Profile, error) {
	ctx, cancel := within(ctx, o.providers.client)
	defer cancel()
	provider, err := o.providers.discover(ctx)
	if err != nil {
		return signin.Profile{}, err
	}
	token, err := o.providers.exchange(ctx, provider.application, o.providers.settings.Google, code, keys.Verifier)
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

// keysFailed is what go-oidc writes before the cause when it could not fetch the keys; the error has no type.
const keysFailed = "fetching keys"

// verify holds the rules of OpenID Connect Core 1.0 §3.1.3.7 for an ID token. go-oidc checks issuer, audience, signature
// and times; the authorized party and the nonce are left to its caller.
func (d *discovery) verify(ctx context.Context, raw string, nonce secret.String) (idClaims, error) {
	token, err := d.verifier.Verify(ctx, raw)
	if err != nil && (ctx.Err() != nil || strings.Contains(err.Error(), keysFailed)) {
		return idClaims{}, failed("fetching the provider's keys", err)
	}
	if err != nil {
		return idClaims{}, untrusted(err)
	}
	claims, err := readClaims(token)
	switch {
	case err != nil:
		return idClaims{}, untrusted(err)
	case subtle.ConstantTimeCompare([]byte(claims.Nonce), []byte(nonce.Reveal())) != 1:
		return idClaims{}, untrusted(errors.New("the nonce is another"))
	case claims.AuthorizedParty != "" && claims.AuthorizedParty != d.application.ClientID:
		return idClaims{}, untrusted(errors.New("the authorized party is another"))
	case len(token.Audience) > 1 && claims.AuthorizedParty == "":
		return idClaims{}, untrusted(errors.New("several audiences and no authorized party"))
	case claims.Subject == "" || len(claims.Subject) > maxSubject:
		return idClaims{}, untrusted(errors.New("the subject is empty or too long"))
	}
	return claims, nil
}

// maxSubject is the most characters that a subject may have (OpenID Connect Core 1.0 §2).
const maxSubject = 255

func untrusted(err error) error {
	return signin.ErrOAuthFailed.Because(brief("verifying the ID token", err))
}

// identified keeps the address only if the provider says that it is verified, in the one way that the standard has.
func (o openID) identified(claims idClaims) signin.Profile {
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
