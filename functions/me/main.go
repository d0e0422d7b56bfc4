// Command me is POST and GET /api/auth/me: it returns the current user.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Me) }
