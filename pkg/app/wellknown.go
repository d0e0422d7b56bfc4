package app

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"latchkey/pkg/contract"
	"latchkey/pkg/httpapi"
)

// publicFor is the time for which clients and proxies may cache keys and metadata. It is shorter than the time for which a key is
// published before it signs.
const publicFor = time.Hour

// JWKS is functions/jwks.
func JWKS(p *Parts) http.Handler { return p.serve(jwks(p.useKeys().PublicJWKS)) }

// Discovery is functions/openid-configuration.
func Discovery(p *Parts) http.Handler {
	return p.serve(discovery(p.cfg.PublicURL, p.cfg.SigningAlgorithm))
}

// jwks publishes the keys that verify access tokens (RFC 7517 §5): those that published returns for the time of the request.
func jwks(published func() []byte) httpapi.Endpoint {
	return httpapi.JSON(contract.JWKS, func(context.Context, call[unread]) (result[jsontext.Value], error) {
		return result[jsontext.Value]{Body: published(), MaxAge: publicFor}, nil
	})
}

// discoveryBody contains the members of OpenID Connect Discovery 1.0 §3 that a verifier of access tokens needs.
type discoveryBody struct {
	Issuer             string   `json:"issuer"`
	JWKSURI            string   `json:"jwks_uri"`
	SubjectTypes       []string `json:"subject_types_supported"`
	ResponseTypes      []string `json:"response_types_supported"`
	IDTokenSigningAlgs []string `json:"id_token_signing_alg_values_supported"`
}

// discovery publishes the metadata with which API Gateway and other verifiers find the keys of the issuer.
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
