package oauth

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"latchkey/pkg/config"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// gitHub is GitHub or a GitHub Enterprise Server. It speaks OAuth 2.0 without ID tokens, so the user is read from its API.
type gitHub struct {
	app      *application
	settings config.GitHub
	oauth2   oauth2.Config
}

func newGitHub(app *application, settings config.GitHub) *gitHub {
	endpoint := oauth2.Endpoint{
		AuthURL:   settings.URL + "/login/oauth/authorize",
		TokenURL:  settings.URL + "/login/oauth/access_token",
		AuthStyle: oauth2.AuthStyleInParams,
	}
	return &gitHub{app: app, settings: settings, oauth2: app.config(github, settings.Client, endpoint, "user:email")}
}

// AuthorizationURL implements [signin.IdentityProvider].
func (g *gitHub) AuthorizationURL(_ context.Context, keys signin.FlowKeys) (string, error) {
	return g.oauth2.AuthCodeURL(keys.State.Reveal(), oauth2.S256ChallengeOption(keys.Verifier.Reveal())), nil
}

// Issuer implements [signin.IdentityProvider]. GitHub documents no issuer.
func (g *gitHub) Issuer() string { return "" }

// gitHubUser is the response of GET /user, without the members that are not used.
type gitHubUser struct {
	ID    int64  `json:"id"` // never changes, unlike the login
	Login string `json:"login"`
}

// gitHubAddress is one of the addresses in the response of GET /user/emails.
type gitHubAddress struct {
	Email    string `json:"email"`
	Primary  bool   `json:"primary"`
	Verified bool   `json:"verified"`
}

// Identify implements [signin.IdentityProvider].
func (g *gitHub) Identify(ctx context.Context, code secret.String, keys signin.FlowKeys) (signin.Profile, error) {
	ctx, cancel := within(ctx, g.app.http)
	defer cancel()
	token, err := g.app.exchange(ctx, g.oauth2, g.settings.Client, code, keys.Verifier)
	if err != nil {
		return signin.Profile{}, err
	}
	var user gitHubUser
	if err := get(ctx, g.app.http, g.settings.APIURL+"/user", token, &user); err != nil {
		return signin.Profile{}, failed("reading the user", err)
	}
	if user.ID <= 0 {
		return signin.Profile{}, failed("reading the user", errors.New("the id is missing"))
	}
	addresses, err := g.addresses(ctx, token)
	if err != nil {
		return signin.Profile{}, failed("reading the addresses", err)
	}
	return signin.Profile{
		Identity: signin.Identity{Issuer: g.settings.URL, Subject: strconv.FormatInt(user.ID, 10)},
		Email:    choose(addresses),
		Name:     user.Login,
	}, nil
}

// addresses returns the first page of the addresses of the user. Users can remove the scope for addresses from the grant.
// GitHub then returns 404 and the result is empty, because the identity of the user is known without addresses.
func (g *gitHub) addresses(ctx context.Context, token *oauth2.Token) ([]gitHubAddress, error) {
	var addresses []gitHubAddress
	err := get(ctx, g.app.http, g.settings.APIURL+"/user/emails?per_page=100", token, &addresses)
	if errors.Is(err, statusError(http.StatusNotFound)) {
		return nil, nil
	}
	return addresses, err
}

// choose returns the primary address if it is verified, or else the first verified one, or "" if there is none. It skips the
// addresses with which GitHub hides the real one, because they receive no mail.
func choose(addresses []gitHubAddress) string {
	chosen := ""
	for _, address := range addresses {
		if !address.Verified || isNoReply(address.Email) {
			continue
		}
		if address.Primary {
			return address.Email
		}
		if chosen == "" {
			chosen = address.Email
		}
	}
	return chosen
}

func isNoReply(email string) bool {
	return strings.HasSuffix(strings.ToLower(email), "@users.noreply.github.com")
}
