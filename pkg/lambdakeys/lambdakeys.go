// Package lambdakeys passes the events of functions/rotate-keys to the rotation of keys, and reports the results.
//
// There are two kinds of events. In a custom resource, CloudFormation asks to create, update or delete the keys of the stack
// and waits for a response at a URL in the event. It always gets one, because otherwise the stack would hang until its timeout.
// The schedule or an operator sends an action:
//
//	{"action": "rotate"}                         does everything that is due
//	{"action": "revoke", "key": "signing/0003"}  takes a key out of use immediately
//
// The rules of rotation belong to package keyring.
package lambdakeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// reserve is kept back from the deadline of the function, so that a response is possible even if the store is slow.
const reserve = 10 * time.Second

// Keys manages the keys of a stack.
type Keys interface {
	// Rotate does everything that is due, including the creation of the first keys. It may be called at any time.
	Rotate(ctx context.Context) error
	// Revoke takes the key of that name out of use immediately.
	Revoke(ctx context.Context, name string) error
	// Destroy deletes all keys.
	Destroy(ctx context.Context) error
}

// Options configures a [Handler].
type Options struct {
	// ID identifies the keys of this stack for CloudFormation. It must never change, because CloudFormation would delete the
	// keys with the former ID.
	ID string

	// Fault is the reason why the function cannot work, or nil. If set, it is the result of every event.
	Fault error

	// Loopback allows responses to this machine, for a local CloudFormation. Otherwise responses only go to AWS.
	Loopback bool

	Log *slog.Logger
}

// Handler implements [lambda.Handler].
type Handler struct {
	keys    Keys
	options Options
	client  *http.Client
}

var _ lambda.Handler = Handler{}

// Adapt returns a Lambda handler for keys.
func Adapt(keys Keys, options Options) Handler {
	return Handler{keys: keys, options: options, client: &http.Client{
		Timeout:       responseTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// event is an event of either kind.
type event struct {
	request
	Action string `json:"action"`
	Key    string `json:"key"`
}

// Invoke handles one event. It returns the error of an action, so that Lambda counts the failure and repeats a scheduled
// event. The error of a custom resource is sent to CloudFormation, and Invoke fails only if the response cannot be sent.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var ev event
	if err := json.Unmarshal(payload, &ev); err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	work := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		work, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	err := h.handle(work, ev)
	if err != nil {
		h.options.Log.ErrorContext(ctx, "handling an event for the keys failed", "cause", err.Error())
	}
	if ev.RequestType != "" {
		err = h.respond(ctx, ev.request, err)
	}
	return []byte("null"), err
}

// handle does the work of an event. It turns a panic into an error, so that CloudFormation gets a response in that case too.
func (h Handler) handle(ctx context.Context, ev event) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	if h.options.Fault != nil {
		return h.options.Fault
	}
	if ev.RequestType != "" {
		return h.manage(ctx, ev.request)
	}
	switch ev.Action {
	case "rotate":
		return h.keys.Rotate(ctx)
	case "revoke":
		return h.keys.Revoke(ctx, ev.Key)
	}
	return errors.New("reading the event: the action is neither rotate nor revoke")
}

// manage does the work of a custom resource. It ignores the deletion of another ID, which follows a failed creation and has
// nothing to delete.
func (h Handler) manage(ctx context.Context, req request) error {
	switch req.RequestType {
	case "Create", "Update":
		return h.keys.Rotate(ctx)
	case "Delete":
		if req.PhysicalResourceID != h.options.ID {
			return nil
		}
		return h.keys.Destroy(ctx)
	}
	return errors.New("reading the event: the RequestType is none of Create, Update, Delete")
}
