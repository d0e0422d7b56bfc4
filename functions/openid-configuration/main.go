// Command openid-configuration is GET /.well-known/openid-configuration: it publishes the issuer and the address of its keys.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Discovery) }
