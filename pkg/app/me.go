package app

import (
	"context"
	"net/http"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/contract"
	"latchkey/pkg/httpapi"
)

// Me is functions/me.
func Me(p *Parts) http.Handler { return p.serve(me(contract.Me), me(contract.MeGet)) }

func me(row contract.Endpoint) httpapi.Endpoint {
	return httpapi.JSON(row, func(_ context.Context, req call[httpapi.NoBody]) (result[userBody], error) {
		return result[userBody]{Body: newUserBody(req.Principal.User)}, nil
	})
}

// userBody is the public form of an account, for its owner.
type userBody struct {
	ID            string  `json:"id"`
	Username      string  `json:"username"`
	Email         string  `json:"email"`
	FirstName     string  `json:"first_name"`
	LastName      string  `json:"last_name"`
	IsActive      bool    `json:"is_active"`
	IsStaff       bool    `json:"is_staff"`
	IsSuperuser   bool    `json:"is_superuser"`
	EmailVerified bool    `json:"email_verified"`
	HasMembership bool    `json:"has_membership"`
	DateJoined    string  `json:"date_joined"`
	LastLogin     *string `json:"last_login"`
	OAuthProvider *string `json:"oauth_provider"`
}

func newUserBody(user account.User) userBody {
	body := userBody{
		ID:            user.ID.String(),
		Username:      user.Username.Typed,
		Email:         user.Email.Typed,
		FirstName:     user.FirstName,
		LastName:      user.LastName,
		IsActive:      user.Active,
		IsStaff:       user.Staff,
		IsSuperuser:   user.Superuser,
		EmailVerified: user.EmailVerified,
		HasMembership: user.Membership,
		DateJoined:    timestamp(user.Joined),
	}
	if !user.LastLogin.IsZero() {
		last := timestamp(user.LastLogin)
		body.LastLogin = &last
	}
	if user.OAuthProvider != "" {
		body.OAuthProvider = &user.OAuthProvider
	}
	return body
}

// timestamp returns a time in RFC 3339 format with Z, to the millisecond.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
