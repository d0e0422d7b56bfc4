// Command forgot-password is POST /api/auth/forgot-password: it requests a mail with a password reset link.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.ForgotPassword) }
