package config

import (
	"errors"
	"strings"
	"time"

	"latchkey/pkg/secret"
)

// OAuth says where people may sign in instead of here. The addresses have no slash at the end.
type OAuth struct {
	FlowLife time.Duration // of a sign-in under way

	GitHub       OAuthClient
	GitHubURL    string // https://github.com, or that of a GitHub Enterprise Server
	GitHubAPIURL string

	Google       OAuthClient
	GoogleIssuer string // https://accounts.google.com, or any other issuer of OpenID Connect
}

// OAuthClient is what a provider knows this deployment by. Without an ID the provider is not offered.
type OAuthClient struct {
	ID              string
	Secret          secret.String
	SecretParameter string // of Systems Manager; holds the secret, if that is empty
}

func readOAuth(r *reader) OAuth {
	return OAuth{
		FlowLife:     r.seconds("OAUTH_STATE_SECONDS", 600, 1),
		GitHub:       readOAuthClient(r, "OAUTH_GITHUB_CLIENT_"),
		GitHubURL:    r.text("OAUTH_GITHUB_URL", "https://github.com"),
		GitHubAPIURL: r.text("OAUTH_GITHUB_API_URL", "https://api.github.com"),
		Google:       readOAuthClient(r, "OAUTH_GOOGLE_CLIENT_"),
		GoogleIssuer: r.text("OAUTH_GOOGLE_ISSUER", "https://accounts.google.com"),
	}
}

func readOAuthClient(r *reader, prefix string) OAuthClient {
	return OAuthClient{
		ID:              r.text(prefix+"ID", ""),
		Secret:          r.secret(prefix + "SECRET"),
		SecretParameter: r.text(prefix+"SECRET_PARAMETER", ""),
	}
}

func (o OAuth) check(r *reader) {
	r.check("OAUTH_GITHUB_URL", checkBase(o.GitHubURL))
	r.check("OAUTH_GITHUB_API_URL", checkBase(o.GitHubAPIURL))
	r.check("OAUTH_GOOGLE_ISSUER", checkBase(strings.TrimSuffix(o.GoogleIssuer, "/"))) // some issuers end in one
	r.check("OAUTH_GITHUB_CLIENT_SECRET", o.GitHub.check())
	r.check("OAUTH_GOOGLE_CLIENT_SECRET", o.Google.check())
}

// check accepts a client whose secret is here or in the parameter named.
func (c OAuthClient) check() error {
	if c.ID != "" && c.Secret.IsZero() && c.SecretParameter == "" {
		return errors.New("is required beside the client's id")
	}
	return nil
}
