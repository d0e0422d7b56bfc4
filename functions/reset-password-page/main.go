// Command reset-password-page is /account/reset-password/{token}: it shows the page behind the link in a password reset mail.
package main

import (
	"latchkey/pkg/app"
	"latchkey/pkg/pages/html"
)

func main() { app.Main(app.ResetPasswordPage(html.Render)) }
