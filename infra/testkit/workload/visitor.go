package workload

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"latchkey/infra/testkit/population"
	"latchkey/pkg/contract"
)

// Visitor is a client with an address of its own and, once it needs one, a stored user.
type Visitor struct {
	rig    *Rig
	source net.IP
	name   string // of its user; "" without one
}

// NewVisitor returns a visitor that has sent nothing.
func (r *Rig) NewVisitor() *Visitor { return &Visitor{rig: r, source: r.newAddress()} }

// Prepare returns a request of the row. What it needs is made by requests from other addresses. A repeated call uses the same user
// where the row allows it.
func (v *Visitor) Prepare(ctx context.Context, row Row) (Request, error) {
	req, err := row.prepare(ctx, v)
	if err != nil {
		return Request{}, fmt.Errorf("preparing %s: %w", row.Name, err)
	}
	return req, nil
}

// Send sends a request of the row from the visitor's address, and returns when the function is idle again. It returns an error if the
// response has another status than the row.
func (v *Visitor) Send(ctx context.Context, row Row, req Request) (Response, error) {
	got, err := v.rig.send(ctx, v.source, req)
	if err != nil {
		return Response{}, fmt.Errorf("%s: %w", row.Name, err)
	}
	if got.Status != row.Status {
		return Response{}, fmt.Errorf("%s: got %v, want %d", row.Name, got, row.Status)
	}
	return got, nil
}

// user returns the name of the visitor's user.
func (v *Visitor) user() (name string, err error) {
	if v.name == "" {
		v.name, err = v.rig.takeUser()
	}
	return v.name, err
}

// signIn signs in the visitor's user and returns the response, which contains tokens or sets a cookie.
func (v *Visitor) signIn(ctx context.Context, endpoint contract.Endpoint) (Response, error) {
	name, err := v.user()
	if err != nil {
		return Response{}, err
	}
	return v.rig.expect(ctx, login(endpoint, name), http.StatusOK)
}

func login(endpoint contract.Endpoint, name string) Request {
	return to(endpoint, object("username", name, "password", population.Password))
}

// manyLogins exceeds every limit of SharedLogins that makes sense.
const manyLogins = 100

// lateInAMinute is the second after which there may be too little time for many requests.
const lateInAMinute = 30

// AwaitMinute waits for the next minute of the clock if the present one is half over. Requests that a limit counts together must be
// in one minute.
func (r *Rig) AwaitMinute(ctx context.Context) error {
	now := r.now()
	if now.Second() <= lateInAMinute {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(now.Truncate(time.Minute).Add(time.Minute).Sub(now)):
		return nil
	}
}

// SharedLogins returns how many users sign in with the right password from one address before the address is over a limit. It stops at
// manyLogins.
func (r *Rig) SharedLogins(ctx context.Context) (int, error) {
	if err := r.AwaitMinute(ctx); err != nil {
		return 0, err
	}
	source := r.newAddress()
	for n := range manyLogins {
		name, err := r.takeUser()
		if err != nil {
			return 0, err
		}
		got, err := r.send(ctx, source, login(contract.Login, name))
		switch {
		case err != nil:
			return 0, err
		case got.Status == http.StatusTooManyRequests:
			return n, nil
		case got.Status != http.StatusOK:
			return 0, fmt.Errorf("login %d from one address: got %v, want %d", n+1, got, http.StatusOK)
		}
	}
	return manyLogins, nil
}
