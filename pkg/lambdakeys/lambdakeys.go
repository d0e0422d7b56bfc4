// Package lambdakeys carries the events of functions/rotate-keys to the rules of keys, and the outcome back.
//
// There are two kinds of events. CloudFormation says that the stack's keys are to be made, updated or deleted (a custom
// resource), and waits for an answer at an address that stands in the event: it gets one whatever happens, since a stack that
// waits in vain hangs for the rest of its timeout. And the schedule or an operator asks for an action:
//
//	{"action": "rotate"}                         does what is due
//	{"action": "revoke", "key": "signing/0003"}  takes a key out of use at once
//
// What rotating means is package keyring's.
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

// reserve is kept back from the function's deadline, so that an answer can still be given when the store is slow.
const reserve = 10 * time.Second

// Keys are a stack's keys.
type Keys interface {
	// Rotate does what is due: the first keys too. It may be repeated at any time.
	Rotate(ctx context.Context) error
	// Revoke takes a key out of use at once, by its name.
	Revoke(ctx context.Context, name string) error
	// Destroy deletes all keys.
	Destroy(ctx context.Context) error
}

// Options say how a [Handler] answers.
type Options struct {
	// ID names the keys of this stack for CloudFormation. It never changes: a new one would have it delete the old keys.
	ID string

	// Fault, if there is one, is why the function cannot do its work. It is the answer to every event.
	Fault error

	// Loopback allows an answer to this machine, for a local CloudFormation. Otherwise answers go to AWS alone.
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

// Adapt returns keys as a Lambda handler.
func Adapt(keys Keys, options Options) Handler {
	return Handler{keys: keys, options: options, client: &http.Client{
		Timeout:       answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// event is one of either kind.
type event struct {
	request
	Action string `json:"action"`
	Key    string `json:"key"`
}

// Invoke handles one event. The error of an action is the function's own, so that Lambda counts it and, for a schedule, tries
// again; that of a custom resource is CloudFormation's to know, and the function fails only if it cannot be told.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var asked event
	if err := json.Unmarshal(payload, &asked); err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	working := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		working, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	err := h.guarded(working, asked)
	if err != nil {
		h.options.Log.ErrorContext(ctx, "the keys were not dealt with", "cause", err.Error())
	}
	if asked.RequestType != "" {
		err = h.answer(ctx, asked.request, err)
	}
	return []byte("null"), err
}

// guarded turns a panic into an error, so that CloudFormation is answered all the same.
func (h Handler) guarded(ctx context.Context, asked event) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	if h.options.Fault != nil {
		return h.options.Fault
	}
	if asked.RequestType != "" {
		return h.manage(ctx, asked.request)
	}
	switch asked.Action {
	case "rotate":
		return h.keys.Rotate(ctx)
	case "revoke":
		return h.keys.Revoke(ctx, asked.Key)
	}
	return errors.New("reading the event: its action is neither rotate nor revoke")
}

// manage does what CloudFormation asks for. A deletion of other keys than these is of a creation that failed, and there is
// nothing to delete.
func (h Handler) manage(ctx context.Context, asked request) error {
	switch asked.RequestType {
	case "Create", "Update":
		return h.keys.Rotate(ctx)
	case "Delete":
		if asked.PhysicalResourceID != h.options.ID {
			return nil
		}
		return h.keys.Destroy(ctx)
	}
	return errors.New("reading the event: its RequestType is none of Create, Update, Delete")
}
