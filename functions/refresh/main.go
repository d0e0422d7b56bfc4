// Command refresh is POST /api/auth/refresh: it exchanges a refresh token for the session's next token pair.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Refresh) }
