package app

import (
	"context"
	"net/http"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/outbox"
)

// SendVerification is functions/send-verification.
func SendVerification(p *Parts) http.Handler {
	p.rehearse(mailSample)
	return p.serve(sendVerification(p.mailRequests()))
}

// ForgotPassword is functions/forgot-password.
func ForgotPassword(p *Parts) http.Handler {
	p.rehearse(mailSample)
	return p.serve(forgotPassword(p.mailRequests()))
}

func mailSample(*rehearsalData) sample {
	return sample{body: map[string]string{"email": rehearsalEmail}, status: http.StatusCreated}
}

type mailBody struct {
	Email string `json:"email"`
}

// Validate implements [httpapi.Body].
func (b mailBody) Validate() []fault.Field {
	return httpapi.Missing(httpapi.Member{Key: "email", Missing: b.Email == ""})
}

type mailRequester interface {
	Request(ctx context.Context, purpose outbox.Purpose, typed string) error
}

func sendVerification(mails mailRequester) httpapi.Endpoint {
	return requestMail(contract.SendVerification, mails, outbox.Verification,
		"If this email needs verification, a verification link has been sent")
}

func forgotPassword(mails mailRequester) httpapi.Endpoint {
	return requestMail(contract.ForgotPassword, mails, outbox.Reset,
		"If an account exists with this email, you will receive a password reset link")
}

// requestMail returns an endpoint that requests a mail. Its response does not reveal whether a mail is sent.
func requestMail(row contract.Endpoint, mails mailRequester, purpose outbox.Purpose, text string) httpapi.Endpoint {
	response := message(text)
	response.Status = http.StatusCreated
	return httpapi.JSON(row, func(ctx context.Context, req call[mailBody]) (result[messageBody], error) {
		return response, mails.Request(ctx, purpose, req.Body.Email)
	})
}
