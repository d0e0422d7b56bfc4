package oauth

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// hub is GitHub, or a GitHub Enterprise Server: OAuth 2.0 without ID tokens, so its API says who the token is for.
type hub struct {
	providers   *Providers
	application oauth2.Config
}

func (p *Providers) gitHub() hub {
	endpoint := oauth2.Endpoint{
		AuthURL:   p.settings.GitHubURL + "/login/oauth/authorize",
		TokenURL:  p.settings.GitHubURL + "/login/oauth/access_token",
		AuthStyle: oauth2.AuthStyleInParams,
	}
	return hub{
		providers:   p,
		application: p.application(github, p.settings.GitHub, endpoint, "user:email"),
	}
}

// AuthorizationURL implements [IdentityProvider].
func (h hub) AuthorizationURL(_ context.Context, keys signin.FlowKeys) (string, error) {
	return h.application.AuthCodeURL(keys.State.Reveal(), oauth2.S256ChallengeOption(keys.Verifier.Reveal())), nil
}

// Issuer implements [IdentityProvider]: GitHub documents none.
func (hub) Issuer() string { return "" }

// account is what GET /user says, as far as it is used.
type account struct {
	ID    int64  `json:"id"` // stays when the login changes
	Login string `json:"login"`
}

// mailbox is one of the addresses of GET /user/emails.
type mailbox struct {
	Email    string `json:"email"`
	Primary  bool   `json:"primary"`
	Verified bool   `json:"verified"`
}

// Identify implements [IdentityProvider].
func (h hub) Identify(ctx context.Context, code secret.String, keys signin.FlowKeys) (signin.Profile, error) {
	ctx, cancel := within(ctx, h.providers.client)
	defer cancel()
	token, err := h.providers.exchange(ctx, h.application, h.providers.settings.GitHub, code, keys.Verifier)
	if err != nil {
		return signin.Profile{}, err
	}
	var person account
	if err := get(ctx, h.providers.client, h.providers.settings.GitHubAPIURL+"/user", token, &person); err != nil {
		return signin.Profile{}, failed("reading the user", err)
	}
	if person.ID <= 0 {
		return signin.Profile{}, failed("reading the user", errors.New("the id is missing"))
	}
	mailboxes, err := h.mailboxes(ctx, token)
	if err != nil {
		return signin.Profile{}, failed("reading the addresses", err)
	}
	return signin.Profile{
		Identity: signin.Identity{Issuer: h.providers.settings.GitHubURL, Subject: strconv.FormatInt(person.ID, 10)},
		Email:    choose(mailboxes),
		Name:     person.Login,
	}, nil
}

// mailboxes are the person's addresses, as many as GitHub gives at once. People can take the scope for them off the grant;
// then GitHub says that there is no such thing, and who the person is stays known.
func (h hub) mailboxes(ctx context.Context, token *oauth2.Token) ([]mailbox, error) {
	var found []mailbox
	err := get(ctx, h.providers.client, h.providers.settings.GitHubAPIURL+"/user/emails?per_page=100", token, &found)
	if errors.Is(err, statusError(http.StatusNotFound)) {
		return nil, nil
	}
	return found, err
}

// choose picks the primary address if it is verified, else the first verified one; empty if there is none. The addresses
// by which GitHub keeps one private reach nobody.
func choose(mailboxes []mailbox) string {
	chosen := ""
	for _, box := range mailboxes {
		if !box.Verified || hidden(box.Email) {
			continue
		}
		if box.Primary {
			return box.Email
		}
		if chosen == "" {
			chosen = box.Email
		}
	}
	return chosen
}

func hidden(email string) bool {
	return strings.HasSuffix(strings.ToLower(email), "@users.noreply.github.com")
}
