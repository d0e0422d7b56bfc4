// Command jwks is GET /.well-known/jwks.json: it publishes the keys that verify access tokens.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.JWKS) }
