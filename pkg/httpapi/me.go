package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"latchkey/pkg/auth"
	"latchkey/pkg/secret"
)

type authenticator interface {
	Bearer(ctx context.Context, token secret.String) (auth.Caller, error)
}

// authenticated makes an endpoint that needs a credential. It is checked before the body: 401 beats 400.
func authenticated(credentials authenticator, next func(http.ResponseWriter, *http.Request, auth.Caller) error) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		token, ok := bearerToken(r)
		if !ok {
			return auth.ErrAuthenticationRequired.Because(errors.New("no bearer token"))
		}
		caller, err := credentials.Bearer(r.Context(), token)
		if err != nil {
			return err
		}
		return next(w, r, caller)
	}
}

// bearerToken reads the Authorization header (RFC 6750 §2.1; the scheme's case does not matter, RFC 9110 §11.1).
func bearerToken(r *http.Request) (secret.String, bool) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return secret.String{}, false
	}
	return secret.New(strings.TrimLeft(token, " ")), true
}

// ignoreBody refuses a body that no endpoint takes and reads past any other.
func ignoreBody(r *http.Request) error {
	body, err := readBody(r)
	if err != nil || len(body) == 0 {
		return err
	}
	if err := checkObject(body); err != nil {
		return errMalformedJSON.Because(err)
	}
	return nil
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

func newUserBody(user auth.User) userBody {
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

// Me is POST and GET /api/auth/me.
func Me(credentials authenticator) Handler {
	return authenticated(credentials, func(w http.ResponseWriter, r *http.Request, caller auth.Caller) error {
		if err := ignoreBody(r); err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, newUserBody(caller.User))
		return nil
	})
}
