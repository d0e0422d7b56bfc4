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
	ID     string
	Secret secret.String
}

func readOAuth(r *reader) OAuth {
	return OAuth{
		FlowLife:     r.seconds("OAUTH_STATE_SECONDS", 600, 1),
		GitHub:       OAuthClient{ID: r.text("OAUTH_GITHUB_CLIENT_ID", ""), Secret: r.secret("OAUTH_GITHUB_CLIENT_SECRET")},
		GitHubURL:    r.text("OAUTH_GITHUB_URL", "https://github.com"),
		GitHubAPIURL: r.text("OAUTH_GITHUB_API_URL", "https://api.github.com"),
		Google:       OAuthClient{ID: r.text("OAUTH_GOOGLE_CLIENT_ID", ""), Secret: r.secret("OAUTH_GOOGLE_CLIENT_SECRET")},
		GoogleIssuer: r.text("OAUTH_GOOGLE_ISSUER", "https://accounts.google.com"),
	}
}

func (o OAuth) check(r *reader, stored map[string]string) {
	r.check("OAUTH_GITHUB_URL", checkBase(o.GitHubURL))
	r.check("OAUTH_GITHUB_API_URL", checkBase(o.GitHubAPIURL))
	r.check("OAUTH_GOOGLE_ISSUER", checkBase(strings.TrimSuffix(o.GoogleIssuer, "/"))) // some issuers end in one
	r.check("OAUTH_GITHUB_CLIENT_SECRET", o.GitHub.check(stored["OAUTH_GITHUB_CLIENT_SECRET"]))
	r.check("OAUTH_GOOGLE_CLIENT_SECRET", o.Google.check(stored["OAUTH_GOOGLE_CLIENT_SECRET"]))
}

// check accepts a client's secret here or in the parameter named.
func (c OAuthClient) check(parameter string) error {
	if c.ID != "" && c.Secret.IsZero() && parameter == "" {
		return errors.New("is required beside the client's id")
	}
	return nil
}
