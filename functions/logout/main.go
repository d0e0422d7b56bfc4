// Command logout is POST /api/auth/logout: it ends the sessions that the request names.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.Logout) }
