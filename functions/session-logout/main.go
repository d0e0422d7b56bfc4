// Command session-logout is POST /api/auth/session/logout: it ends the sessions that the request names and clears the cookie.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.SessionLogout) }
