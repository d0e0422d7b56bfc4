// Command verify-email-page is /account/verify-email/{token}: it shows the page behind the link in a verification mail.
package main

import (
	"latchkey/pkg/app"
	"latchkey/pkg/pages/html"
)

func main() { app.Main(app.VerifyEmailPage(html.Render)) }
