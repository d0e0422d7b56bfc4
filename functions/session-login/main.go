// Command session-login is POST /api/auth/session/login: it signs a user in with a cookie.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.SessionLogin) }
