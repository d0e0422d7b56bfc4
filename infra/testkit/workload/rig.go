// Package workload sends each kind of request to the whole product, for measurements. It knows what each request needs beforehand, such
// as an account, a session or a mailed link, and what it returns.
//
// It measures nothing. A measurement reads the taps of the stack and the [LogMeter] around [Visitor.Send].
package workload

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/template"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/population"
	"latchkey/infra/testkit/stacktest"
)

// Options holds the arguments of Start.
type Options struct {
	Users       int               // in the tables at the start; each visitor with an account needs one
	Environment map[string]string // overrides variables of the template, as in [stacktest.Options]
	Direct      bool              // the functions use the engine without the tap, which then sees nothing; for measurements of time
	Now         func() time.Time
}

// Rig is a running product with users in its tables. Its mailer is paused, except while a visitor waits for a mail. It is for one
// goroutine.
type Rig struct {
	*stacktest.Stack
	Logs *LogMeter

	now       func() time.Time
	stored    int // users in the tables at the start
	users     int // of these, taken by visitors
	names     int // new names so far
	addresses int // used so far; each is a different source of requests
}

// Start starts a product with the rate limits of a deployed stack. The caller must call Close.
func Start(ctx context.Context, o Options) (*Rig, error) {
	root, err := engine.Root()
	if err != nil {
		return nil, err
	}
	database, err := population.Start(ctx, root, o.Users, o.Now())
	if err != nil {
		return nil, err
	}
	environment := map[string]string{"RATE_LIMIT_FACTOR": "1"}
	if o.Direct {
		environment["DYNAMODB_ENDPOINT"] = database.Endpoint
	}
	maps.Copy(environment, o.Environment)
	r := &Rig{Logs: &LogMeter{}, now: o.Now, stored: o.Users}
	r.Stack, err = stacktest.Start(ctx, stacktest.Options{
		Environment: environment, Log: r.Logs, Engine: database,
		MaxProcesses: 1, // a second process would count requests apart from the first
	})
	if err != nil {
		return nil, err
	}
	r.Deliveries.Pause()
	return r, nil
}

// Function returns the function in a folder of functions/.
func (r *Rig) Function(folder string) (template.Function, error) {
	for _, function := range r.Template.Functions {
		if filepath.Base(function.Folder) == folder {
			return function, nil
		}
	}
	return template.Function{}, fmt.Errorf("template.yaml has no function in functions/%s", folder)
}

// Request is a request to the product.
type Request struct {
	Method, Path string
	Body         string
	Headers      []string // "Name: value"
}

// Response is the response to a Request.
type Response = httpclient.Response

// newAddress returns an unused address of the loopback interface.
func (r *Rig) newAddress() net.IP {
	r.addresses++
	return net.IPv4(127, byte(1+r.addresses>>16), byte(r.addresses>>8), byte(r.addresses))
}

// newName returns a username that no user has.
func (r *Rig) newName() string {
	r.names++
	return fmt.Sprintf("new-%d", r.names)
}

// stride scatters the users of successive visitors over the table. It is prime.
const stride = 7919

// takeUser returns the name of a stored user that no other visitor has.
func (r *Rig) takeUser() (string, error) {
	if r.users == r.stored {
		return "", fmt.Errorf("all %d users are taken: start the rig with more", r.stored)
	}
	r.users++
	return population.Name(r.users * stride % r.stored), nil
}

// idle is the time that a process may need after its response until it waits for the next request. Without a pause, the host would
// start further processes.
const idle = 5 * time.Millisecond

// send sends a request from an address, and returns when the function is idle again. Rate limits count by address, so requests that
// only prepare others come from unused ones.
func (r *Rig) send(ctx context.Context, source net.IP, req Request) (Response, error) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: source}}
	client := httpclient.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	got, err := client.Do(ctx, req.Method, r.URL+req.Path, req.Body, req.Headers...)
	if err != nil {
		return Response{}, err
	}
	select {
	case <-ctx.Done():
		return Response{}, ctx.Err()
	case <-time.After(idle):
		return got, nil
	}
}

// expect sends a request that prepares another one. It returns an error if the response has another status.
func (r *Rig) expect(ctx context.Context, req Request, status int) (Response, error) {
	got, err := r.send(ctx, r.newAddress(), req)
	if err == nil && got.Status != status {
		err = fmt.Errorf("%s %s: got %v, want %d", req.Method, req.Path, got, status)
	}
	return got, err
}
