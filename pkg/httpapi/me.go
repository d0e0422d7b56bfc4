package httpapi

import (
	"net/http"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/session"
)

// Me is POST and GET /api/auth/me.
func Me(door Door, rules authenticator) Handler {
	return door.authenticated(rules, func(w http.ResponseWriter, r *http.Request, caller session.Principal) error {
		if _, err := decodeOptional[noBody](r); err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, newUserBody(caller.User))
		return nil
	})
}

// userBody is an account as its owner sees it.
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

// timestamp writes a time in the profile of RFC 3339 that ends in Z, to the millisecond.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
