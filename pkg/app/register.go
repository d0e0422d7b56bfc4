package app

import (
	"context"
	"net/http"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signup"
)

// Register is functions/register.
func Register(p *Parts) http.Handler {
	p.rehearse(func(*rehearsalData) sample {
		body := map[string]string{"username": "another", "email": "another@rehearsal.invalid", "password": rehearsalPassword}
		return sample{body: body, status: http.StatusCreated}
	})
	registrar := signup.NewRegistrar(p.useStore(), p.hasher(), p.policy(), p.pairs(), p.now, p.random)
	if p.cfg.RegisterNeutral {
		return p.serve(registerNeutral(signup.NewNeutralRegistrar(registrar, p.useStore())))
	}
	return p.serve(register(registrar))
}

type registerBody struct {
	Username  string        `json:"username"`
	Email     string        `json:"email"`
	Password  secret.String `json:"password"`
	FirstName string        `json:"first_name"`
	LastName  string        `json:"last_name"`
}

// Validate implements [httpapi.Body]. Package signup checks the values and reports all faults together.
func (b registerBody) Validate() []fault.Field {
	return httpapi.Missing(
		httpapi.Member{Key: "username", Missing: b.Username == ""},
		httpapi.Member{Key: "email", Missing: b.Email == ""},
		httpapi.Member{Key: "password", Missing: b.Password.IsZero()},
	)
}

func (b registerBody) registration() signup.Registration {
	return signup.Registration{
		Username: b.Username, Email: b.Email, Password: b.Password, FirstName: b.FirstName, LastName: b.LastName,
	}
}

type registrar interface {
	Register(ctx context.Context, registration signup.Registration) (session.Pair, error)
}

func register(accounts registrar) httpapi.Endpoint {
	return httpapi.JSON(contract.Register, func(ctx context.Context, req call[registerBody]) (result[tokensBody], error) {
		pair, err := accounts.Register(ctx, req.Body.registration())
		return tokens(http.StatusCreated, pair), err
	})
}

type neutralRegistrar interface {
	Register(ctx context.Context, registration signup.Registration) error
}

// registerNeutral is register for a stack that does not reveal whether an address is known.
func registerNeutral(accounts neutralRegistrar) httpapi.Endpoint {
	response := message("If this email can be registered, a verification link has been sent")
	response.Status = http.StatusCreated
	return httpapi.JSON(contract.Register, func(ctx context.Context, req call[registerBody]) (result[messageBody], error) {
		return response, accounts.Register(ctx, req.Body.registration())
	})
}
