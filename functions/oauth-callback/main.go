// Command oauth-callback is GET /api/auth/oauth/{provider}/callback: where a provider sends the browser back to.
package main

import (
	"latchkey/pkg/app"
	"latchkey/pkg/oauth"
)

func main() { app.Main(app.OAuthCallback(oauth.NewProviders)) }
