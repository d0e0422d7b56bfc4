// Command reset-password is POST /api/auth/reset-password: it sets a new password.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.ResetPassword) }
