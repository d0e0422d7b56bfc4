package main

import (
	"context"
	"net/http"

	"latchkey/pkg/contract"
)

func guess(route contract.Endpoint) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		name, _, err := r.person(ctx)
		return to(route, object("username", name, "password", "a wrong password")), err
	}
}

func guessNobody(_ context.Context, r *rig) (request, error) {
	return to(contract.Login, object("username", r.name(), "password", password)), nil
}

func registerAgain(ctx context.Context, r *rig) (request, error) {
	name, _, err := r.person(ctx)
	return registration(name), err
}

func malformed(route contract.Endpoint) func(context.Context, *rig) (request, error) {
	return func(context.Context, *rig) (request, error) { return to(route, "{"), nil }
}

// altered changes a letter in the middle of a token, so that what was derived from the rest no longer fits.
func altered(token string) string {
	middle := len(token) / 2
	other := "A"
	if token[middle:middle+1] == other {
		other = "B"
	}
	return token[:middle] + other + token[middle+1:]
}

func forgedBearer(ctx context.Context, r *rig) (request, error) {
	_, tokens, err := r.person(ctx)
	if err != nil {
		return request{}, err
	}
	return to(contract.Me, "", "Authorization: Bearer "+altered(tokens.member("access_token"))), nil
}

func forgedRefresh(ctx context.Context, r *rig) (request, error) {
	_, tokens, err := r.person(ctx)
	if err != nil {
		return request{}, err
	}
	return to(contract.Refresh, object("refresh_token", altered(tokens.member("refresh_token")))), nil
}

func forgedReset(ctx context.Context, r *rig) (request, error) {
	token, err := resetLink(ctx, r)
	if err != nil {
		return request{}, err
	}
	return to(contract.ResetPassword, object("token", altered(token), "new_password", another)), nil
}

// usedBefore is a refresh token two generations old.
func usedBefore(ctx context.Context, r *rig) (request, error) {
	first, err := refresh(ctx, r)
	if err != nil {
		return request{}, err
	}
	for asked, i := first, 0; i < 2; i++ {
		got, err := r.ask(ctx, asked, http.StatusOK)
		if err != nil {
			return request{}, err
		}
		asked = to(contract.Refresh, object("refresh_token", got.member("refresh_token")))
	}
	return first, nil
}

func forgotNobody(_ context.Context, r *rig) (request, error) {
	return to(contract.ForgotPassword, object("email", address(r.name()))), nil
}

func nowhere(context.Context, *rig) (request, error) {
	return request{method: http.MethodGet, path: "/.env"}, nil
}

// freeGuesses are how many wrong passwords an account bears before further ones have to wait.
const freeGuesses = 5

// guessAgain is one guess more than an account bears.
func guessAgain(ctx context.Context, r *rig) (request, error) {
	asked, err := guess(contract.Login)(ctx, r)
	if err != nil {
		return request{}, err
	}
	for range freeGuesses {
		if _, err := r.ask(ctx, asked, http.StatusForbidden); err != nil {
			return request{}, err
		}
	}
	return asked, nil
}

// known is how often an address asks before every container has seen that it is beyond its rate, five in a minute: the host may
// have started a second one.
const known = 15

// beyondRate is a request from an address of which the containers know that it is beyond its rate.
func beyondRate(route contract.Endpoint) func(context.Context, *rig) (request, error) {
	return func(ctx context.Context, r *rig) (request, error) {
		asked := to(route, object("username", r.name(), "password", password))
		asked.from = r.address()
		for range known {
			if _, err := r.do(ctx, asked); err != nil {
				return request{}, err
			}
		}
		return asked, nil
	}
}
