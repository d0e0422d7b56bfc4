// Package stack runs the whole product on one machine: a DynamoDB engine with the tables of the template, the local SES, the
// functions with the host that serves them, and the delivery of streams to them. `make run` runs one stack. End-to-end tests
// start their own, in memory and on free ports.
//
// The package only combines these components. It does not read the environment. template.yaml determines what it serves.
package stack

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/lambdahost"
	"latchkey/infra/local/streams"
	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
)

// Options holds the arguments of Start. Port 0 selects a free port.
type Options struct {
	Root         string // folder of go.mod and template.yaml
	Port         int    // of the API
	MailPort     int
	DynamoDBPort int
	OpenIDPort   int

	// DataDir is the folder for tables and signing keys, which the next run uses again. Only one run at a time can use it. ""
	// keeps nothing after the run.
	DataDir string
	Fresh   bool // removes the files of earlier runs in DataDir first

	// DynamoDBEndpoint is the address of an engine outside the stack. If it is set, the stack creates its tables there and starts
	// no engine.
	DynamoDBEndpoint string

	// OpenID starts a local OpenID provider in place of Google, unless Environment has settings of Google.
	OpenID bool

	// Environment overrides variables of the template by name. Other names are ignored. The stack sets these variables if
	// Environment does not: PUBLIC_URL, SIGNING_KEYS (unless SSM_ENDPOINT is set, because the keys are there then),
	// RATE_LIMIT_FACTOR, DYNAMODB_ENDPOINT, SES_ENDPOINT and, with a local provider, OAUTH_GOOGLE_…. DYNAMODB_ENDPOINT and
	// SES_ENDPOINT in Environment apply only to the functions, so that a test can place a proxy before the emulator.
	Environment map[string]string

	// Platform runs the functions. nil selects package lambdahost, which runs them as children of this process.
	Platform Platform

	// Deliver, if set, wraps the invocation of functions by streams. A test can delay, repeat or duplicate a delivery with it. The
	// result of the wrapper determines how the stream continues. The wrapper must return when its context ends, because Close
	// waits for it.
	Deliver func(next streams.Invoke) streams.Invoke

	Log io.Writer // gets whole lines: the steps of the start, then the output of the functions
}

// Stack is a running product.
type Stack struct {
	URL              string // of the API, with the name localhost, which browsers treat as secure
	MailURL          string // of the SES and its inbox
	OpenIDURL        string // issuer of the local OpenID provider; "" if there is none
	DynamoDBEndpoint string // of the engine, even if the functions use another address
	DynamoDB         string // name of the engine; "" if it is outside the stack
	Template         *template.Template
	Host             *lambdahost.Host // nil if another platform runs the functions

	listener net.Listener
	folder   folder
	database *engine.Engine
	mail     *engine.Engine
	openID   *engine.Engine
	running  Running
	closers  []func() // in the order of the start

	openIDSecret string // of the client at the local provider
}

// Start starts a stack and returns when the API accepts requests. The error is one line that names the remedy. The stack ends with
// Close, and at the latest with this process. The end of ctx also ends the functions.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{}
	if o.Platform == nil {
		o.Platform = Own{}
	}
	for _, step := range []func(context.Context, Options) error{
		s.reservePorts, s.openFolder, s.startDatabase,
		s.readTemplate, // for the tables, and to report its errors before the slow steps
		s.createTables, s.startPeersAndBuild,
		s.readTemplate, // again, with the addresses of the SES and the OpenID provider
		s.startFunctions, s.startStreams,
	} {
		if err := step(ctx, o); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Wait returns nil when ctx ends, and an error when an engine or the platform ends, because the stack is of no use without it.
func (s *Stack) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-done(s.database):
		return s.database.Err()
	case <-done(s.mail):
		return s.mail.Err()
	case <-done(s.openID):
		return s.openID.Err()
	case <-s.running.Done():
		return s.running.Err()
	}
}

// done returns e.Done(). If there is no such engine in the stack, it returns nil, which is never ready.
func done(e *engine.Engine) <-chan struct{} {
	if e == nil {
		return nil
	}
	return e.Done()
}

// Close stops the components in the reverse order of their start and waits for their end.
func (s *Stack) Close() {
	for _, closer := range slices.Backward(s.closers) {
		closer()
	}
	s.closers = nil
}

// reservePorts checks all ports and opens that of the API. It is the first step, because a port in use is the most common error
// and nothing has been started yet.
func (s *Stack) reservePorts(ctx context.Context, o Options) error {
	for _, setting := range []struct {
		variable string
		port     int
		unused   bool
	}{
		{"PORT", o.Port, false},
		{"DYNAMODB_PORT", o.DynamoDBPort, o.DynamoDBEndpoint != ""},
		{"MAIL_PORT", o.MailPort, false},
		{"OPENID_PORT", o.OpenIDPort, !needsOpenID(o)},
	} {
		if setting.port == 0 || setting.unused {
			continue
		}
		if err := engine.CheckPort(setting.port); err != nil {
			return fmt.Errorf("%w; stop the program that uses it or set %s=…", err, setting.variable)
		}
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port)))
	if err != nil {
		return fmt.Errorf("port %d cannot be used: %w; set PORT=…", o.Port, err)
	}
	s.listener = listener
	s.closers = append(s.closers, func() { _ = listener.Close() }) // has no effect if the host has closed it
	s.URL = "http://localhost:" + strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	return nil
}

func (s *Stack) openFolder(_ context.Context, o Options) (err error) {
	if o.DataDir == "" {
		s.folder, err = temporaryFolder()
	} else {
		s.folder, err = openFolder(o.DataDir, o.Fresh)
	}
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.folder.close)
	return nil
}

func (s *Stack) startDatabase(ctx context.Context, o Options) error {
	if o.DynamoDBEndpoint != "" {
		s.DynamoDBEndpoint = o.DynamoDBEndpoint
		return nil
	}
	database, err := engine.StartDynamoDB(ctx, engine.Options{Root: o.Root, Port: o.DynamoDBPort, Folder: s.folder.data})
	if err != nil {
		return err
	}
	s.database, s.DynamoDB, s.DynamoDBEndpoint = database, database.Name, database.Endpoint
	s.closers = append(s.closers, database.Stop)
	return nil
}

func (s *Stack) readTemplate(_ context.Context, o Options) error {
	environment, err := s.variables(o.Environment)
	if err != nil {
		return err
	}
	s.Template, err = template.Load(filepath.Join(o.Root, "template.yaml"), environment)
	return err
}

func (s *Stack) createTables(ctx context.Context, _ Options) error {
	err := tables.Create(ctx, tables.Client(s.DynamoDBEndpoint), s.Template.Tables, "")
	if err != nil {
		return fmt.Errorf("%w; `make run-fresh` starts with empty tables", err)
	}
	return nil
}

func (s *Stack) startFunctions(ctx context.Context, o Options) error {
	running, err := o.Platform.Start(ctx, Job{Template: s.Template, BinDir: s.folder.bin, Listener: s.listener, Log: o.Log})
	if err != nil {
		return err
	}
	s.running = running
	s.closers = append(s.closers, running.Close)
	if own, ok := running.(ownRunning); ok {
		s.Host = own.Host
	}
	return nil
}

func (s *Stack) startStreams(ctx context.Context, o Options) error {
	invoke := streams.Invoke(s.running.Invoke)
	if o.Deliver != nil {
		invoke = o.Deliver(invoke)
	}
	mappings, err := streams.Start(ctx, streams.Options{
		Template: s.Template,
		Endpoint: s.DynamoDBEndpoint,
		Folder:   s.folder.streams,
		Invoke:   invoke,
		Now:      time.Now,
		Logf:     s.running.Logf,
	})
	if err != nil {
		return fmt.Errorf("starting the streams: %w", err)
	}
	s.closers = append(s.closers, mappings.Close)
	return nil
}
