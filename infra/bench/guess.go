package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/report"
	"latchkey/pkg/app"
)

// attemptsPerName is below the number of failures after which attempts are delayed and the owner is notified.
const attemptsPerName = 4

// refusedNames is one kind of names for which every login is refused.
type refusedNames struct {
	kind   string
	change map[string]types.AttributeValueUpdate // of the stored account; nil for an account with another password
}

// measureGuesses compares the duration of a refused login: for unknown names, disabled accounts and accounts without a password,
// against a wrong password. The kinds take turns.
func measureGuesses(ctx context.Context, p *product, effort effort, table *table) error {
	login, err := p.endpoint("login", "POST /api/auth/login", app.Login)
	if err != nil {
		return err
	}
	wrong, err := p.namesOf(ctx, refusedNames{kind: "wrong password"}, effort.guesses)
	if err != nil {
		return err
	}
	names := map[string][]string{"unknown user": unknownNames(effort.guesses)}
	for _, kind := range []refusedNames{
		{"disabled user", map[string]types.AttributeValueUpdate{"active": {Value: &types.AttributeValueMemberBOOL{}}}},
		{"user of a provider only", map[string]types.AttributeValueUpdate{"phc": {Action: types.AttributeActionDelete}}},
	} {
		if names[kind.kind], err = p.namesOf(ctx, kind, effort.guesses); err != nil {
			return err
		}
	}
	kinds := []string{"unknown user", "disabled user", "user of a provider only"}
	measured := map[string]*pair{}
	for _, kind := range kinds {
		measured[kind] = &pair{}
	}
	for n := range effort.guesses {
		floor, err := guess(ctx, login, wrong[n/attemptsPerName], n)
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			elapsed, err := guess(ctx, login, names[kind][n/attemptsPerName], n)
			if err != nil {
				return err
			}
			measured[kind].add(elapsed, floor)
		}
	}
	for _, kind := range kinds {
		table.add("login, "+kind+" / wrong password, wall", measured[kind], report.Between(0.95, 1.05))
	}
	return nil
}

// guess returns the duration of a refusal.
func guess(ctx context.Context, login *endpoint, name string, n int) (time.Duration, error) {
	payload := event(login.route, object("username", name, "password", "a wrong password"), "", n)
	start := now()
	_, err := login.call(ctx, payload, http.StatusForbidden)
	return now().Sub(start), err
}

func unknownNames(attempts int) []string {
	names := make([]string, attempts/attemptsPerName+1)
	for i := range names {
		names[i] = fmt.Sprintf("unknown-%d", i)
	}
	return names
}

// namesOf returns names of a kind for a number of attempts, and registers their accounts.
func (p *product) namesOf(ctx context.Context, kind refusedNames, attempts int) ([]string, error) {
	registration, err := p.endpoint("register", "POST /api/auth/register", app.Register)
	if err != nil {
		return nil, err
	}
	names := make([]string, attempts/attemptsPerName+1)
	for i := range names {
		user, err := p.register(ctx, registration)
		if err != nil {
			return nil, err
		}
		names[i] = user.name
		if err := p.change(ctx, user, kind.change); err != nil {
			return nil, fmt.Errorf("making a %s: %w", kind.kind, err)
		}
	}
	return names, nil
}

// change changes a stored account.
func (p *product) change(ctx context.Context, user account, change map[string]types.AttributeValueUpdate) error {
	if change == nil {
		return nil
	}
	owner, err := newFloors(p.floor, user)
	if err != nil {
		return err
	}
	_, err = p.floor.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String("Users"), Key: owner.user, AttributeUpdates: change,
	})
	return err
}
