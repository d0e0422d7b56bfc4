// Command oauth-start is GET /api/auth/oauth/{provider}: it redirects the browser to a provider.
package main

import (
	"latchkey/pkg/app"
	"latchkey/pkg/oauth"
)

func main() { app.Main(app.OAuthStart(oauth.NewProviders)) }
