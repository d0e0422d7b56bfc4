// Command openid-configuration is GET /.well-known/openid-configuration: it tells verifiers issuer and keys.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Discovery) }
