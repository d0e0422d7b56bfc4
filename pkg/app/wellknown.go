package app

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"latchkey/pkg/contract"
	"latchkey/pkg/httpapi"
)

// publicFor is how long clients and proxies may keep keys and metadata. A key is published for longer before it signs.
const publicFor = time.Hour

// JWKS is functions/jwks.
func JWKS(p *Parts) http.Handler { return p.serve(jwks(p.useKeys().PublicJWKS)) }

// Discovery is functions/openid-configuration.
func Discovery(p *Parts) http.Handler {
	return p.serve(discovery(p.cfg.PublicURL, p.cfg.SigningAlgorithm))
}

// jwks publishes the keys that verify access tokens (RFC 7517 §5), as published returns them at the time.
func jwks(published func() []byte) httpapi.Endpoint {
	return httpapi.JSON(contract.JWKS, func(context.Context, call[unread]) (result[jsontext.Value], error) {
		return result[jsontext.Value]{Body: published(), MaxAge: publicFor}, nil
	})
}

// discoveryBody is what a verifier of access tokens needs to know (OpenID Connect Discovery 1.0 §3, as far as it concerns tokens
// that are verified and not requested).
type discoveryBody struct {
	Issuer             string   `json:"issuer"`
	JWKSURI            string   `json:"jwks_uri"`
	SubjectTypes       []string `json:"subject_types_supported"`
	ResponseTypes      []string `json:"response_types_supported"`
	IDTokenSigningAlgs []string `json:"id_token_signing_alg_values_supported"`
}

// discovery is how API Gateway and other verifiers find the issuer and its keys.
func discovery(issuer, algorithm string) httpapi.Endpoint {
	response := result[discoveryBody]{MaxAge: publicFor, Body: discoveryBody{
		Issuer:             issuer,
		JWKSURI:            issuer + contract.JWKS.Path,
		SubjectTypes:       []string{"public"},
		ResponseTypes:      []string{"token"},
		IDTokenSigningAlgs: []string{algorithm},
	}}
	return httpapi.JSON(contract.Discovery, func(context.Context, call[unread]) (result[discoveryBody], error) {
		return response, nil
	})
}
