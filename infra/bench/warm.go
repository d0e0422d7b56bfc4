package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"syscall"
	"time"

	"latchkey/infra/report"
	"latchkey/pkg/app"
	"latchkey/pkg/token"
)

// operation is one request, or the work of its floor.
type operation func(context.Context) error

// measurement holds the CPU and wall times of an endpoint and its floor.
type measurement struct{ cpu, wall pair }

// measureWarm measures warm functions. Their deployed handlers run in this process. The CPU time is the user and system time of
// this process (getrusage). The engine is another process and does not count.
func measureWarm(ctx context.Context, p *product, effort effort, table *table) error {
	registration, err := p.endpoint("register", "POST /api/auth/register", app.Register)
	if err != nil {
		return err
	}
	ours, err := p.register(ctx, registration)
	if err != nil {
		return err
	}
	owner, err := p.register(ctx, registration)
	if err != nil {
		return err
	}
	floors, err := newFloors(p.floor, owner)
	if err != nil {
		return err
	}
	operations, err := p.operations(ctx, registration, ours, effort)
	if err != nil {
		return err
	}
	for _, row := range []struct {
		subject, floor  string
		against         operation
		pairs, batch    int
		cpuBar, wallBar report.Bar
	}{
		{again, "its BatchGetItem", floors.me, effort.warmPairs, effort.warmBatch, report.AtMost(1.15), report.AtMost(1.15)},
		{first, "its BatchGetItem", floors.me, effort.warmPairs, effort.warmBatch, report.AtMost(1.15), report.AtMost(1.15)},
		{first, "that and one verification", floors.meVerified, effort.warmPairs, effort.warmBatch, report.Bar{}, report.Bar{}},
		{"refresh", "GetItem + UpdateItem + signature", floors.refresh,
			effort.warmPairs, effort.warmBatch, report.AtMost(1.15), report.AtMost(1.15)},
		{"login", "argon2id + signature", floors.login, effort.loginPairs, effort.loginBatch, report.AtMost(1.10), report.Bar{}},
	} {
		measured, err := inTurns(ctx, operations[row.subject], row.against, row.pairs, row.batch)
		if err != nil {
			return err
		}
		table.add(row.subject+" / "+row.floor+", CPU", &measured.cpu, row.cpuBar)
		table.add(row.subject+" / "+row.floor+", wall", &measured.wall, row.wallBar)
	}
	return nil
}

// The two forms of me. A function caches the tokens that it has verified.
const (
	again = "me, token seen before"
	first = "me, token seen first"
)

// operations returns the measured endpoints by their names in the table.
func (p *product) operations(ctx context.Context, registration *endpoint, user account, effort effort) (map[string]operation, error) {
	newTokens, err := p.newTokens(user, 2*(effort.warmPairs+1)*effort.warmBatch) // for two rows
	if err != nil {
		return nil, err
	}
	seenBefore, err := p.me(user.access)
	if err != nil {
		return nil, err
	}
	seenFirst, err := p.me(newTokens...)
	if err != nil {
		return nil, err
	}
	refresh, err := p.refresh(user)
	if err != nil {
		return nil, err
	}
	login, err := p.login(ctx, registration, (effort.loginPairs+1)*effort.loginBatch)
	if err != nil {
		return nil, err
	}
	return map[string]operation{again: seenBefore, first: seenFirst, "refresh": refresh, "login": login}, nil
}

// newTokens returns distinct access tokens of one session. The function has seen none of them.
func (p *product) newTokens(user account, count int) ([]string, error) {
	keys, err := token.ParseKeySet([]byte(p.environment["SIGNING_KEYS"]), "ES256")
	if err != nil {
		return nil, err
	}
	authority := token.NewAuthority(keys, p.environment["PUBLIC_URL"], p.environment["PUBLIC_URL"])
	claims, err := authority.VerifyAccess(user.access, now())
	if err != nil {
		return nil, err
	}
	tokens := make([]string, count)
	for i := range tokens {
		claims.ID = fmt.Sprint("fresh-", i)
		made, err := authority.SignAccess(claims)
		if err != nil {
			return nil, err
		}
		tokens[i] = made.Reveal()
	}
	return tokens, nil
}

// me returns an operation that requests me with the tokens in turn.
func (p *product) me(tokens ...string) (operation, error) {
	endpoint, err := p.endpoint("me", "POST /api/auth/me", app.Me)
	if err != nil {
		return nil, err
	}
	payloads := make([][]byte, len(tokens))
	for i, bearer := range tokens {
		payloads[i] = event(endpoint.route, "", bearer, 1)
	}
	n := 0
	return func(ctx context.Context) error {
		n++
		_, err := endpoint.call(ctx, payloads[n%len(payloads)], http.StatusOK)
		return err
	}, nil
}

// refresh returns an operation that refreshes one session, each time with the token of the previous response.
func (p *product) refresh(user account) (operation, error) {
	endpoint, err := p.endpoint("refresh", "POST /api/auth/refresh", app.Refresh)
	if err != nil {
		return nil, err
	}
	current := user.refresh
	payload := event(endpoint.route, object("refresh_token", current), "", 1)
	return func(ctx context.Context) error {
		response, err := endpoint.call(ctx, payload, http.StatusOK)
		if err != nil {
			return err
		}
		next := member(response, "refresh_token")
		payload = bytes.Replace(payload, []byte(current), []byte(next), 1)
		current = next
		return nil
	}, nil
}

// loginsPerAccount is below the number of sessions at which a login ends old ones. That is no part of a usual login.
const loginsPerAccount = 20

// login returns an operation that logs in with several accounts in turn.
func (p *product) login(ctx context.Context, registration *endpoint, count int) (operation, error) {
	endpoint, err := p.endpoint("login", "POST /api/auth/login", app.Login)
	if err != nil {
		return nil, err
	}
	var payloads [][]byte
	for range count/loginsPerAccount + 1 {
		user, err := p.register(ctx, registration)
		if err != nil {
			return nil, err
		}
		body := object("username", user.name, "password", password)
		payloads = append(payloads, event(endpoint.route, body, "", p.accounts))
	}
	n := 0
	return func(ctx context.Context) error {
		n++
		_, err := endpoint.call(ctx, payloads[n%len(payloads)], http.StatusOK)
		return err
	}, nil
}

// inTurns runs batches of both operations in turns, after one uncounted batch of each.
func inTurns(ctx context.Context, subject, floor operation, pairs, batch int) (*measurement, error) {
	measured := &measurement{}
	for round := range pairs + 1 {
		subjectCPU, subjectWall, err := cost(ctx, subject, batch)
		if err != nil {
			return nil, err
		}
		floorCPU, floorWall, err := cost(ctx, floor, batch)
		if err != nil {
			return nil, err
		}
		if round == 0 {
			continue
		}
		measured.cpu.add(subjectCPU, floorCPU)
		measured.wall.add(subjectWall, floorWall)
	}
	return measured, nil
}

// cost returns the mean CPU and wall time of one run in a batch. Earlier garbage is collected before the batch.
func cost(ctx context.Context, run operation, batch int) (cpu, wall time.Duration, err error) {
	runtime.GC()
	startCPU, err := cpuTime()
	if err != nil {
		return 0, 0, err
	}
	start := now()
	for range batch {
		if err := run(ctx); err != nil {
			return 0, 0, err
		}
	}
	wall = now().Sub(start)
	endCPU, err := cpuTime()
	return (endCPU - startCPU) / time.Duration(batch), wall / time.Duration(batch), err
}

// cpuTime returns the CPU time of this process.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("reading the CPU time used: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
