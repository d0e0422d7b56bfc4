// Command me is POST and GET /api/auth/me: it tells who the caller is.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Me) }
