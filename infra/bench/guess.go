package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"latchkey/pkg/app"
)

// guessed is how many accounts take the wrong passwords in turn, so that no limit on guesses for one is what is measured.
const guessed = 50

// measureGuesses measures what a stranger could: whether a name that nobody has takes another time than a wrong password.
func measureGuesses(ctx context.Context, p *product, how effort, table *report) error {
	registration, err := p.endpoint("register", "POST /api/auth/register", app.Register)
	if err != nil {
		return err
	}
	login, err := p.endpoint("login", "POST /api/auth/login", app.Login)
	if err != nil {
		return err
	}
	var names []string
	for range guessed {
		who, err := p.register(ctx, registration)
		if err != nil {
			return err
		}
		names = append(names, who.name)
	}
	guess := func(name string, n int) (time.Duration, error) {
		payload := event(login.route, object("username", name, "password", "a wrong password"), "", n)
		begun := now()
		_, err := login.call(ctx, payload, http.StatusForbidden)
		return now().Sub(begun), err
	}
	var measured pair
	for turn := range how.guesses {
		unknown, err := guess(fmt.Sprintf("nobody-%d", turn), 2*turn)
		if err != nil {
			return err
		}
		wrong, err := guess(names[turn%len(names)], 2*turn+1)
		if err != nil {
			return err
		}
		measured.add(unknown, wrong)
	}
	table.add("login, unknown user / wrong password, wall", &measured, between(0.95, 1.05))
	return nil
}
