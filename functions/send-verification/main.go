// Command send-verification is POST /api/auth/send-verification: it asks for a mail with a verification link.
package main

import "latchkey/pkg/app"

func main() { app.Main(app.SendVerification) }
