// Command login is POST /api/auth/login: it signs a user in with a token pair.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Login) }
