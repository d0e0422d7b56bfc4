// Command mailer handles the stream of the Sessions table: it sends the mails of the outbox.
package main

import (
	"latchkey/pkg/app"
	"latchkey/pkg/mail"
)

func main() { app.MainStream(app.Mailer(mail.NewSender)) }
