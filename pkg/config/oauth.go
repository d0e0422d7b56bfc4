package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey/pkg/secret"
)

// OAuth holds the providers at which users may sign in. Adding a provider of OpenID Connect needs no code: its name joins
// OAUTH_OPENID_PROVIDERS, and its settings have that name in theirs.
type OAuth struct {
	FlowLife time.Duration // maximum duration of a sign-in at a provider
	GitHub   GitHub
	OpenID   map[string]OpenID // by the name of the provider in paths
}

// GitHub holds the settings of GitHub, or of a GitHub Enterprise Server.
type GitHub struct {
	Client OAuthClient
	URL    string // without a trailing slash
	APIURL string // without a trailing slash
}

// OpenID holds the settings of one provider of OpenID Connect.
type OpenID struct {
	Client OAuthClient
	Issuer string // exactly as the ID tokens of the provider name it
}

// OAuthClient identifies this deployment at a provider. A provider with an empty ID is not offered.
type OAuthClient struct {
	ID              string
	Secret          secret.String
	SecretParameter string // of Systems Manager; it holds the secret if Secret is empty
}

const (
	github = "github"
	google = "google"
)

// issuers holds the issuers that need no configuration.
var issuers = map[string]string{google: "https://accounts.google.com"}

func readOAuth(r *reader) OAuth {
	oauth := OAuth{
		FlowLife: r.seconds("OAUTH_STATE_SECONDS", 600, 1),
		GitHub: GitHub{
			Client: readOAuthClient(r, "OAUTH_GITHUB_"),
			URL:    r.text("OAUTH_GITHUB_URL", "https://github.com"),
			APIURL: r.text("OAUTH_GITHUB_API_URL", "https://api.github.com"),
		},
		OpenID: make(map[string]OpenID),
	}
	r.check("OAUTH_GITHUB_URL", checkBase(oauth.GitHub.URL))
	r.check("OAUTH_GITHUB_API_URL", checkBase(oauth.GitHub.APIURL))
	for _, name := range strings.Split(r.text("OAUTH_OPENID_PROVIDERS", google), ",") {
		if _, again := oauth.OpenID[name]; again || name == github || !isProviderName(name) {
			r.check("OAUTH_OPENID_PROVIDERS", fmt.Errorf("%q is not a new name of lower-case letters, digits and hyphens", name))
			continue
		}
		oauth.OpenID[name] = readOpenID(r, name)
	}
	return oauth
}

// isProviderName reports whether name can be a part of paths and, in upper case, of variables.
func isProviderName(name string) bool {
	foreign := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	return name != "" && !strings.ContainsFunc(name, foreign)
}

func readOpenID(r *reader, name string) OpenID {
	prefix := "OAUTH_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_"
	provider := OpenID{Client: readOAuthClient(r, prefix), Issuer: r.text(prefix+"ISSUER", issuers[name])}
	r.check(prefix+"ISSUER", checkIssuer(provider.Issuer))
	return provider
}

// checkIssuer accepts a base address. Unlike other addresses, it may have a trailing slash, as the issuers of some providers do.
func checkIssuer(value string) error {
	if value == "" {
		return errors.New("is required")
	}
	return checkBase(strings.TrimSuffix(value, "/"))
}

func readOAuthClient(r *reader, prefix string) OAuthClient {
	client := OAuthClient{
		ID:              r.text(prefix+"CLIENT_ID", ""),
		Secret:          r.secret(prefix + "CLIENT_SECRET"),
		SecretParameter: r.text(prefix+"CLIENT_SECRET_PARAMETER", ""),
	}
	if client.ID != "" && client.Secret.IsZero() && client.SecretParameter == "" {
		r.check(prefix+"CLIENT_SECRET", errors.New("is required if the client id is set"))
	}
	return client
}
