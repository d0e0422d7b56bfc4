package httpapi

import (
	"context"
	"net/http"

	"latchkey/pkg/fault"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

type mailRequest struct {
	Email string `json:"email"`
}

// Validate implements request.
func (r mailRequest) Validate() []fault.Field { return required(member{"email", r.Email == ""}) }

type mailDesk interface {
	Request(ctx context.Context, purpose outbox.Purpose, typed string) error
}

// SendVerification is POST /api/auth/send-verification.
func SendVerification(desk mailDesk) Handler {
	return askForMail(desk, outbox.Verification, "If this email needs verification, a verification link has been sent")
}

// ForgotPassword is POST /api/auth/forgot-password.
func ForgotPassword(desk mailDesk) Handler {
	return askForMail(desk, outbox.Reset, "If an account exists with this email, you will receive a password reset link")
}

// askForMail makes an endpoint that asks for a mail and tells the same whether there will be one or not.
func askForMail(desk mailDesk, purpose outbox.Purpose, told string) Handler {
	return serveJSON(http.StatusCreated, func(ctx context.Context, asked mailRequest) (messageBody, error) {
		return messageBody{Message: told}, desk.Request(ctx, purpose, asked.Email)
	})
}

type verifier interface {
	Verify(ctx context.Context, token secret.String, credentials session.Credentials) (maillink.Verified, error)
}

// linkToken is the token in the path of a link.
func linkToken(r *http.Request) secret.String { return secret.New(r.PathValue("token")) }

// VerifyEmail is GET /api/auth/verify-email/{token}.
func VerifyEmail(door Door, rules verifier) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		credentials, err := door.credentials(r)
		if err != nil {
			return err
		}
		verified, err := rules.Verify(r.Context(), linkToken(r), credentials)
		if err != nil {
			return err
		}
		told := messageBody{Message: "Email already verified"}
		if verified == maillink.VerifiedNow {
			told.Message = "Email verified successfully"
		}
		writeJSON(w, http.StatusOK, told)
		return nil
	}
}

type resetRequest struct {
	Token       secret.String `json:"token"`
	NewPassword secret.String `json:"new_password"`
}

// Validate implements request.
func (r resetRequest) Validate() []fault.Field {
	return required(member{"token", r.Token.IsZero()}, member{"new_password", r.NewPassword.IsZero()})
}

type resetter interface {
	// Reset returns the value of the device cookie.
	Reset(ctx context.Context, token, password secret.String) (secret.String, error)
}

// ResetPassword is POST /api/auth/reset-password.
func ResetPassword(door Door, rules resetter) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		asked, err := decode[resetRequest](r)
		if err != nil {
			return err
		}
		device, err := rules.Reset(r.Context(), asked.Token, asked.NewPassword)
		if err != nil {
			return err
		}
		door.devices.set(w, device)
		writeJSON(w, http.StatusOK, messageBody{Message: "Password reset successfully"})
		return nil
	}
}
