package httpapi

import "net/http"

// publicForAnHour lets clients and proxies keep what is the same for everybody. A key is published longer than that
// before it signs.
const publicForAnHour = "public, max-age=3600"

// JWKS is GET /.well-known/jwks.json: the public keys that verify access tokens (RFC 7517 §5), as published gives them at the
// time.
func JWKS(published func() []byte) Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		writeCacheable(w, published())
		return nil
	}
}

// discoveryBody is what a verifier of access tokens needs to know (OpenID Connect Discovery 1.0 §3, as far as it
// concerns tokens that are verified and not asked for).
type discoveryBody struct {
	Issuer             string   `json:"issuer"`
	JWKSURI            string   `json:"jwks_uri"`
	SubjectTypes       []string `json:"subject_types_supported"`
	ResponseTypes      []string `json:"response_types_supported"`
	IDTokenSigningAlgs []string `json:"id_token_signing_alg_values_supported"`
}

// Discovery is GET /.well-known/openid-configuration, by which API Gateway and other verifiers find issuer and keys.
func Discovery(issuer, algorithm string) Handler {
	body := marshal(discoveryBody{
		Issuer:             issuer,
		JWKSURI:            issuer + "/.well-known/jwks.json",
		SubjectTypes:       []string{"public"},
		ResponseTypes:      []string{"token"},
		IDTokenSigningAlgs: []string{algorithm},
	})
	return func(w http.ResponseWriter, _ *http.Request) error {
		writeCacheable(w, body)
		return nil
	}
}

func writeCacheable(w http.ResponseWriter, body []byte) {
	w.Header().Set("Cache-Control", publicForAnHour)
	write(w, http.StatusOK, body)
}
