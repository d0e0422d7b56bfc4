package main

import (
	"context"
	"net/http"

	"latchkey/pkg/contract"
)

// guess sends a wrong password of a new user.
func guess(endpoint contract.Endpoint) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		name, _, err := r.newUser(ctx)
		return to(endpoint, object("username", name, "password", "a wrong password")), err
	}
}

func guessUnknown(_ context.Context, r *rig) (request, error) {
	return to(contract.Login, object("username", r.newName(), "password", password)), nil
}

func registerAgain(ctx context.Context, r *rig) (request, error) {
	name, _, err := r.newUser(ctx)
	return registration(name), err
}

func malformed(endpoint contract.Endpoint) preparer {
	return func(context.Context, *rig) (request, error) { return to(endpoint, "{"), nil }
}

// forged changes a letter in the middle of a token, so that its signature or MAC does not match.
func forged(token string) string {
	middle := len(token) / 2
	letter := "A"
	if token[middle:middle+1] == letter {
		letter = "B"
	}
	return token[:middle] + letter + token[middle+1:]
}

func forgedBearer(ctx context.Context, r *rig) (request, error) {
	_, tokens, err := r.newUser(ctx)
	if err != nil {
		return request{}, err
	}
	return to(contract.Me, "", "Authorization: Bearer "+forged(tokens.Member("access_token"))), nil
}

func forgedRefresh(ctx context.Context, r *rig) (request, error) {
	_, tokens, err := r.newUser(ctx)
	if err != nil {
		return request{}, err
	}
	return to(contract.Refresh, object("refresh_token", forged(tokens.Member("refresh_token")))), nil
}

func forgedReset(ctx context.Context, r *rig) (request, error) {
	token, err := resetToken(ctx, r)
	if err != nil {
		return request{}, err
	}
	return to(contract.ResetPassword, object("token", forged(token), "new_password", newPassword)), nil
}

// reusedRefresh sends a refresh token that is two generations old.
func reusedRefresh(ctx context.Context, r *rig) (request, error) {
	first, err := refresh(ctx, r)
	if err != nil {
		return request{}, err
	}
	for req, i := first, 0; i < 2; i++ {
		got, err := r.expect(ctx, req, http.StatusOK)
		if err != nil {
			return request{}, err
		}
		req = to(contract.Refresh, object("refresh_token", got.Member("refresh_token")))
	}
	return first, nil
}

func forgotUnknown(_ context.Context, r *rig) (request, error) {
	return to(contract.ForgotPassword, object("email", address(r.newName()))), nil
}

func unknownPath(context.Context, *rig) (request, error) {
	return request{method: http.MethodGet, path: "/.env"}, nil
}

// freeGuesses is the number of wrong passwords for an account before further ones are delayed.
const freeGuesses = 5

// delayedGuess sends one more guess than an account allows.
func delayedGuess(ctx context.Context, r *rig) (request, error) {
	req, err := guess(contract.Login)(ctx, r)
	if err != nil {
		return request{}, err
	}
	for range freeGuesses {
		if _, err := r.expect(ctx, req, http.StatusForbidden); err != nil {
			return request{}, err
		}
	}
	return req, nil
}

// overLimit is the number of requests after which every container knows that an address is over its limit of five per minute. The host
// may have started a second container.
const overLimit = 15

// overTheLimit sends a request from an address that each container knows to be over its limit.
func overTheLimit(endpoint contract.Endpoint) preparer {
	return func(ctx context.Context, r *rig) (request, error) {
		req := to(endpoint, object("username", r.newName(), "password", password))
		req.source = r.newAddress()
		for range overLimit {
			if _, err := r.do(ctx, req); err != nil {
				return request{}, err
			}
		}
		return req, nil
	}
}
