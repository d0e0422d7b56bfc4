package mail

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"latchkey/pkg/secret"
)

// Links builds the links in mails. They depend only on the configuration. The headers of a request (Host, Forwarded,
// X-Forwarded-*) are never used, because an attacker who forges them would receive the tokens.
type Links struct{ base string }

// NewLinks returns links to the pages of this service below publicURL or, if appURL is not empty, to the pages of an application
// there. Both must be absolute http or https URLs. They may have a path, but no user, query or fragment.
func NewLinks(publicURL, appURL string) (Links, error) {
	if appURL != "" {
		base, err := baseURL(appURL)
		if err != nil {
			return Links{}, fmt.Errorf("preparing links to the application: %w", err)
		}
		return Links{base}, nil
	}
	base, err := baseURL(publicURL)
	if err != nil {
		return Links{}, fmt.Errorf("preparing links to the account pages: %w", err)
	}
	return Links{base + "/account"}, nil
}

// To returns the link to a page, with the token as the last segment of the path. page begins and ends with a slash.
func (l Links) To(page string, token secret.String) secret.String {
	return secret.New(l.base + page + url.PathEscape(token.Reveal()))
}

// baseURL parses a URL that paths are appended to, and removes its trailing slashes.
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
