// Command oauth-callback is GET /api/auth/oauth/{provider}/callback: it finishes a sign-in at a provider.
package main

import (
	"latchkey/pkg/app"
	"latchkey/pkg/oauth"
)

func main() { app.Main(app.OAuthCallback(oauth.NewProviders)) }
