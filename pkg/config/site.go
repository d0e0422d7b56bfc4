package config

import (
	"net/url"

	"golang.org/x/net/publicsuffix"
)

// CrossSiteOrigins returns the allowed origins that belong to another site than the API (scheme and registrable domain).
// Browsers do not send a SameSite=Lax cookie with a fetch from such a page, so it needs access tokens.
func (c Config) CrossSiteOrigins() []string {
	var cross []string
	for _, origin := range c.AllowedOrigins {
		if site(origin) != site(c.PublicURL) {
			cross = append(cross, origin)
		}
	}
	return cross
}

// site returns the site of an origin, which has no port. An IP address or a single label is its own site.
func site(origin string) string {
	parsed, err := url.Parse(origin)
	if err != nil {
		return origin
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(parsed.Hostname())
	if err != nil {
		domain = parsed.Hostname()
	}
	return parsed.Scheme + "://" + domain
}
