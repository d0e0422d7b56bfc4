package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"latchkey/infra/report"
)

// shares holds the CPU shares of functions with 256 and 512 MB. With 1,769 MB, a function has one CPU.
var shares = []share{14, 29}

const (
	settling = 10 // responses after the first that are not counted
	warm     = 20 // responses after those; their median counts
)

// firstResponses holds the measured requests, with the CPU shares of their functions.
var firstResponses = []struct {
	function, route string
	request         func(account) (body, bearer string)
	shares          []share
	bar             report.Bar
}{
	{"me", "POST /api/auth/me", func(a account) (string, string) { return "", a.access }, shares, report.AtMost(2)},
	{"refresh", "POST /api/auth/refresh", refreshRequest, shares, report.AtMost(2)},
	{"login", "POST /api/auth/login", loginRequest, []share{unthrottled}, report.Bar{}}, // maps the memory of its first hash
}

func refreshRequest(a account) (body, bearer string) { return object("refresh_token", a.refresh), "" }

func loginRequest(a account) (body, bearer string) {
	return object("username", a.name, "password", password), ""
}

// measureFirstResponses measures the time from the delivery of an event to its response: the first of a process against later ones of
// the same process. Both are throttled in the same way, and the start of the process is not. Each process serves an account of its own.
func measureFirstResponses(ctx context.Context, p *product, effort effort, table *table) error {
	folder, registration, remove, err := p.functions(ctx)
	if err != nil {
		return err
	}
	defer remove()
	for _, row := range firstResponses {
		variables, err := p.variables(row.function)
		if err != nil {
			return err
		}
		measured := make([]pair, len(row.shares))
		for range effort.firstResponses {
			for i, s := range row.shares {
				user, err := p.register(ctx, registration)
				if err != nil {
					return err
				}
				body, bearer := row.request(user)
				payload := event(row.route, body, bearer, p.accounts)
				first, later, err := firstAndLater(ctx, filepath.Join(folder, row.function), variables, payload, s)
				if err != nil {
					return fmt.Errorf("requests to %s: %w", row.function, err)
				}
				measured[i].add(first, later)
			}
		}
		for i, s := range row.shares {
			table.add(fmt.Sprintf("%s, first response / warm, at %v", row.function, s), &measured[i], row.bar)
		}
	}
	return nil
}

func firstAndLater(
	ctx context.Context, binary string, variables map[string]string, payload []byte, s share,
) (first, later time.Duration, err error) {
	process, err := startProcess(binary, variables)
	if err != nil {
		return 0, 0, err
	}
	defer process.end()
	if first, err = process.invoke(ctx, payload, s); err != nil {
		return 0, 0, err
	}
	var samples []time.Duration
	for n := range settling + warm {
		elapsed, err := process.invoke(ctx, payload, s)
		if err != nil {
			return 0, 0, err
		}
		if n >= settling {
			samples = append(samples, elapsed)
		}
	}
	return first, median(samples), nil
}

// invoke sends an event to the process and returns the time until the response, which must have status 200.
func (p *process) invoke(ctx context.Context, payload []byte, s share) (time.Duration, error) {
	_, elapsed, err := p.exchange(ctx, payload, s, http.StatusOK)
	return elapsed, err
}

// exchange waits until the process is ready, sends it an event under a throttle, and returns the response, which must have that
// status, with the time until then.
func (p *process) exchange(ctx context.Context, payload []byte, s share, status int) ([]byte, time.Duration, error) {
	if _, err := p.awaitReady(ctx); err != nil {
		return nil, 0, err
	}
	done, throttled := make(chan struct{}), make(chan error, 1)
	start := now()
	go func() {
		if s == unthrottled {
			throttled <- nil
			return
		}
		throttled <- throttle(ctx, p, s, done)
	}()
	p.events <- payload
	got, err := receive(ctx, p, p.responses)
	close(done)
	if failed := <-throttled; err == nil {
		err = failed
	}
	if err == nil && !bytes.HasPrefix(got.body, fmt.Appendf(nil, `{"statusCode":%d,`, status)) {
		err = fmt.Errorf("want status %d, got %s", status, got.body)
	}
	return got.body, got.at.Sub(start), err
}
