package config

import (
	"net/url"

	"golang.org/x/net/publicsuffix"
)

// CrossSiteOrigins returns those of the allowed origins that are not of the same site as the API (scheme and registrable
// domain). Browsers do not send a SameSite=Lax cookie with a fetch from there: such pages need access tokens.
func (c Config) CrossSiteOrigins() []string {
	var cross []string
	for _, origin := range c.AllowedOrigins {
		if site(origin) != site(c.PublicURL) {
			cross = append(cross, origin)
		}
	}
	return cross
}

// site is the site of an origin, without its port; an address or a bare name is a site of its own.
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
