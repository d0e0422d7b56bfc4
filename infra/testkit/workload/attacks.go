package workload

import (
	"context"
	"fmt"
	"net/http"

	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/population"
	"latchkey/pkg/contract"
)

// guess sends a wrong password of the visitor's user.
func guess(endpoint contract.Endpoint) preparer {
	return func(_ context.Context, v *Visitor) (Request, error) {
		name, err := v.user()
		return to(endpoint, object("username", name, "password", "a wrong password")), err
	}
}

func guessUnknown(_ context.Context, v *Visitor) (Request, error) {
	return login(contract.Login, v.rig.newName()), nil
}

func registerAgain(_ context.Context, v *Visitor) (Request, error) {
	name, err := v.user()
	return registration(name), err
}

func malformed(endpoint contract.Endpoint) preparer {
	return func(context.Context, *Visitor) (Request, error) { return to(endpoint, "{"), nil }
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

func forgedBearer(ctx context.Context, v *Visitor) (Request, error) {
	tokens, err := v.signIn(ctx, contract.Login)
	if err != nil {
		return Request{}, err
	}
	return to(contract.Me, "", httpclient.Bearer(forged(tokens.Member("access_token")))), nil
}

func forgedRefresh(ctx context.Context, v *Visitor) (Request, error) {
	tokens, err := v.signIn(ctx, contract.Login)
	if err != nil {
		return Request{}, err
	}
	return to(contract.Refresh, object("refresh_token", forged(tokens.Member("refresh_token")))), nil
}

func forgedReset(ctx context.Context, v *Visitor) (Request, error) {
	token, err := resetToken(ctx, v)
	if err != nil {
		return Request{}, err
	}
	return to(contract.ResetPassword, object("token", forged(token), "new_password", newPassword)), nil
}

// reusedRefresh sends a refresh token that is two generations old.
func reusedRefresh(ctx context.Context, v *Visitor) (Request, error) {
	first, err := refresh(ctx, v)
	if err != nil {
		return Request{}, err
	}
	for req, i := first, 0; i < 2; i++ {
		got, err := v.rig.expect(ctx, req, http.StatusOK)
		if err != nil {
			return Request{}, err
		}
		req = to(contract.Refresh, object("refresh_token", got.Member("refresh_token")))
	}
	return first, nil
}

func forgotUnknown(_ context.Context, v *Visitor) (Request, error) {
	return to(contract.ForgotPassword, object("email", population.Address(v.rig.newName()))), nil
}

func unknownPath(context.Context, *Visitor) (Request, error) {
	return Request{Method: http.MethodGet, Path: "/.env"}, nil
}

// freeGuesses is the number of wrong passwords for an account before further ones are delayed.
const freeGuesses = 5

// delayedGuess sends one more guess than an account allows.
func delayedGuess(ctx context.Context, v *Visitor) (Request, error) {
	v.name = "" // an account that no one has guessed at
	req, err := guess(contract.Login)(ctx, v)
	if err != nil {
		return Request{}, err
	}
	for range freeGuesses {
		if _, err := v.rig.expect(ctx, req, http.StatusForbidden); err != nil {
			return Request{}, err
		}
	}
	return req, nil
}

// manyRequests exceeds every limit of one address.
const manyRequests = 200

// overTheFailures guesses from an address that is over its limit of failed logins. Each guess is at another name, because an account
// has a limit of its own.
func overTheFailures(ctx context.Context, v *Visitor) (Request, error) {
	another := func() Request { return login(contract.Login, v.rig.newName()) }
	return another(), v.repeatUntilRefused(ctx, another)
}

// overTheRate sends a malformed request from an address that is over its limit of requests.
func overTheRate(ctx context.Context, v *Visitor) (Request, error) {
	malformed := func() Request { return to(contract.Login, "{") }
	return malformed(), v.repeatUntilRefused(ctx, malformed)
}

// repeatUntilRefused sends requests from the visitor's address until one is refused.
func (v *Visitor) repeatUntilRefused(ctx context.Context, next func() Request) error {
	for range manyRequests {
		got, err := v.rig.send(ctx, v.source, next())
		if err != nil {
			return err
		}
		if got.Status == http.StatusTooManyRequests {
			return nil
		}
	}
	return fmt.Errorf("%d requests from one address: got no refusal, want one", manyRequests)
}
