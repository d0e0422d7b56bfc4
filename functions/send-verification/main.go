// Command send-verification is POST /api/auth/send-verification: it requests a mail with a verification link.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.SendVerification) }
