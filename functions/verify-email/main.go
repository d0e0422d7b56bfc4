// Command verify-email is GET /api/auth/verify-email/{token}: it verifies an address.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.VerifyEmail) }
