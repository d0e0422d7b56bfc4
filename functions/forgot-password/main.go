// Command forgot-password is POST /api/auth/forgot-password: it asks for a mail with a password reset link.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.ForgotPassword) }
