// Command oauth-start is GET /api/auth/oauth/{provider}: sends the browser to a provider to sign in there.
package main

import (
	"latchkey/pkg/app"
	"latchkey/pkg/oauth"
)

func main() { app.Main(app.OAuthStart(oauth.NewProviders)) }
