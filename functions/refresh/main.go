// Command refresh is POST /api/auth/refresh: it exchanges a refresh token for the next token pair of the session.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Refresh) }
