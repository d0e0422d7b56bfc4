package httpapi

import (
	"context"
	"net/http"
	"time"

	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signup"
)

// tokensBody is a token pair (RFC 6749 §5.1).
type tokensBody struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
}

func newTokensBody(pair session.Pair) tokensBody {
	return tokensBody{
		AccessToken:  pair.Access.Reveal(),
		RefreshToken: pair.Refresh.Reveal(),
		TokenType:    "bearer",
		ExpiresIn:    int64(pair.ExpiresIn / time.Second),
	}
}

type registerRequest struct {
	Username  string        `json:"username"`
	Email     string        `json:"email"`
	Password  secret.String `json:"password"`
	FirstName string        `json:"first_name"`
	LastName  string        `json:"last_name"`
}

// Validate implements request. What the members have to be like is a rule of the account, told with all else that
// does not fit by package signup.
func (r registerRequest) Validate() []fault.Field {
	return required(
		member{"username", r.Username == ""}, member{"email", r.Email == ""}, member{"password", r.Password.IsZero()},
	)
}

type registrar interface {
	Register(ctx context.Context, asked signup.Registration) (session.Pair, error)
}

func (r registerRequest) registration() signup.Registration {
	return signup.Registration{
		Username: r.Username, Email: r.Email, Password: r.Password, FirstName: r.FirstName, LastName: r.LastName,
	}
}

// Register is POST /api/auth/register.
func Register(accounts registrar) Handler {
	return serveJSON(http.StatusCreated, func(ctx context.Context, asked registerRequest) (tokensBody, error) {
		pair, err := accounts.Register(ctx, asked.registration())
		return newTokensBody(pair), err
	})
}

type neutralRegistrar interface {
	Register(ctx context.Context, asked signup.Registration) error
}

// RegisterNeutral is POST /api/auth/register where it does not tell whether an address is known.
func RegisterNeutral(accounts neutralRegistrar) Handler {
	told := messageBody{Message: "If this email can be registered, a verification link has been sent"}
	return serveJSON(http.StatusCreated, func(ctx context.Context, asked registerRequest) (messageBody, error) {
		return told, accounts.Register(ctx, asked.registration())
	})
}

type loginRequest struct {
	Username string        `json:"username"`
	Password secret.String `json:"password"`
}

// Validate implements request.
func (r loginRequest) Validate() []fault.Field {
	return required(member{"username", r.Username == ""}, member{"password", r.Password.IsZero()})
}

// signIn is what a request to sign in shows, with the device cookie.
func (d Door) signIn(r *http.Request) (guard.Attempt, error) {
	asked, err := decode[loginRequest](r)
	return guard.Attempt{Name: asked.Username, Password: asked.Password, Device: d.devices.read(r)}, err
}

type loginRules interface {
	Login(ctx context.Context, asked guard.Attempt) (session.Pair, secret.String, error)
}

// Login is POST /api/auth/login.
func Login(door Door, rules loginRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		asked, err := door.signIn(r)
		if err != nil {
			return err
		}
		pair, device, err := rules.Login(r.Context(), asked)
		if err != nil {
			return err
		}
		door.devices.set(w, device)
		writeJSON(w, http.StatusOK, newTokensBody(pair))
		return nil
	}
}

// member is one member of a body and whether it is missing; an empty one counts as missing.
type member struct {
	key     string
	missing bool
}

func required(members ...member) []fault.Field {
	var faults []fault.Field
	for _, m := range members {
		if m.missing {
			faults = append(faults, fault.Field{Key: m.key, Message: "is required"})
		}
	}
	return faults
}
