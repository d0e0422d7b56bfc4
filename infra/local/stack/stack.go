// Package stack is the whole product on one machine: the DynamoDB engine with the template's tables, the local SES, the function
// binaries, the host that serves them and the streams that feed them. `make run` runs one; end-to-end tests start their own, in
// memory and on free ports.
//
// It only puts these together. It reads no environment; what it serves is decided by template.yaml.
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

// Options say where a stack listens and what it keeps. Port 0 is a free one.
type Options struct {
	Root         string // folder of go.mod and template.yaml
	Port         int    // of the API
	MailPort     int
	DynamoDBPort int
	OpenIDPort   int

	// DataDir keeps tables and signing keys between runs, for one run at a time. "" keeps nothing and shares nothing.
	DataDir string
	Fresh   bool // begins by removing what DataDir keeps

	// DynamoDBEndpoint is an engine that somebody else runs. The tables are made there and none is started.
	DynamoDBEndpoint string

	// OpenID starts a local OpenID provider as Google, unless Environment has settings of Google's. Who needs none saves its start.
	OpenID bool

	// Environment overrides template variables by name; other names are ignored. What is not in it and not in the template is
	// filled in here: PUBLIC_URL, SIGNING_KEYS (not beside an SSM_ENDPOINT, where the keys are then), RATE_LIMIT_FACTOR,
	// DYNAMODB_ENDPOINT, SES_ENDPOINT and, with a local provider, OAUTH_GOOGLE_…. A DYNAMODB_ENDPOINT or SES_ENDPOINT in it
	// is for the functions only, so that something may stand between them and the emulator.
	Environment map[string]string

	// Platform runs the functions; nil is package lambdahost, as children of this process.
	Platform Platform

	// Deliver, if there is one, stands between the streams and the functions that they feed. A test delays, repeats or doubles a
	// delivery with it; what it answers is what the stream goes by. It must return when its context ends, or Close waits for it.
	Deliver func(next streams.Invoke) streams.Invoke

	Log io.Writer // gets whole lines: the steps of the start, then what the functions write
}

// Stack is a running product.
type Stack struct {
	URL              string // of the API, by the name localhost, which browsers treat as secure
	MailURL          string // SES and its inbox
	OpenIDURL        string // issuer of the local OpenID provider; "" if there is none
	DynamoDBEndpoint string // of the engine, whatever the functions have been given
	DynamoDB         string // name of the engine; "" if somebody else runs it
	Template         *template.Template
	Host             *lambdahost.Host // nil if another platform runs the functions

	listener net.Listener
	folder   folder
	database *engine.Engine
	mail     *engine.Engine
	openID   *engine.Engine
	running  Running
	closers  []func() // in the order of the start

	openIDSecret string // the client's, at the local provider
}

// Start returns when requests are answered. The error is one line that says what to do. What it started ends with Close, with ctx
// as far as the functions are concerned, and in any case with this process.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{}
	if o.Platform == nil {
		o.Platform = ownHost{}
	}
	for _, step := range []func(context.Context, Options) error{
		s.takePorts, s.openFolder, s.startDatabase,
		s.readTemplate, // for the tables, and so that its faults are told before anything slow begins
		s.createTables, s.startPeersAndBuild,
		s.readTemplate, // again, now that the peers have addresses
		s.startFunctions, s.startStreams,
	} {
		if err := step(ctx, o); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Wait returns nil when ctx ends, and an error when an engine or the platform does, which leaves the stack without a purpose.
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

// done is never ready for an engine that is not ours, or not there.
func done(e *engine.Engine) <-chan struct{} {
	if e == nil {
		return nil
	}
	return e.Done()
}

// Close ends everything that Start started, in reverse order, and returns when it is gone.
func (s *Stack) Close() {
	for _, end := range slices.Backward(s.closers) {
		end()
	}
	s.closers = nil
}

// takePorts comes first: a port in use is the commonest fault, and nothing has happened yet that it could spoil.
func (s *Stack) takePorts(ctx context.Context, o Options) error {
	for _, wanted := range []struct {
		variable string
		port     int
		unused   bool
	}{
		{"PORT", o.Port, false},
		{"DYNAMODB_PORT", o.DynamoDBPort, o.DynamoDBEndpoint != ""},
		{"MAIL_PORT", o.MailPort, false},
		{"OPENID_PORT", o.OpenIDPort, !wantsOpenID(o)},
	} {
		if wanted.port == 0 || wanted.unused {
			continue
		}
		if err := engine.CheckPort(wanted.port); err != nil {
			return fmt.Errorf("%w; end what uses it or set %s=…", err, wanted.variable)
		}
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port)))
	if err != nil {
		return fmt.Errorf("port %d cannot be used: %w; set PORT=…", o.Port, err)
	}
	s.listener = listener
	s.closers = append(s.closers, func() { _ = listener.Close() }) // a second time, if the host has closed it
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
	if own, is := running.(ownRunning); is {
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
