package mail

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"latchkey/pkg/secret"
)

// Links are the addresses that mails lead to. They come from configuration alone: what a request says about its host
// (Host, Forwarded, X-Forwarded-*) has no way in, since a forged one would send tokens to whoever forged it.
type Links struct{ base string }

// NewLinks makes links to our own pages below publicURL or, unless appURL is empty, to those of the application there. Both are
// absolute http or https URLs; they may have a path, but no user, query or fragment.
func NewLinks(publicURL, appURL string) (Links, error) {
	if appURL != "" {
		base, err := baseURL(appURL)
		if err != nil {
			return Links{}, fmt.Errorf("making links to the application: %w", err)
		}
		return Links{base}, nil
	}
	base, err := baseURL(publicURL)
	if err != nil {
		return Links{}, fmt.Errorf("making links to the account pages: %w", err)
	}
	return Links{base + "/account"}, nil
}

// VerifyEmail is the link that a verification leads to.
func (l Links) VerifyEmail(token secret.String) secret.String { return l.to("/verify-email/", token) }

// ResetPassword is the link that a password reset leads to.
func (l Links) ResetPassword(token secret.String) secret.String {
	return l.to("/reset-password/", token)
}

func (l Links) to(page string, token secret.String) secret.String {
	return secret.New(l.base + page + url.PathEscape(token.Reveal()))
}

// baseURL reads a URL to which a path can be appended, and drops its slashes at the end.
func baseURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", err
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "", errors.New("the URL must be absolute, with https or http")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "", strings.HasSuffix(text, "#"):
		return "", errors.New("the URL must have no user, query or fragment")
	}
	return strings.TrimRight(u.String(), "/"), nil
}
