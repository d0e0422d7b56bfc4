// Package stacktest runs the whole product with what tests and measurements need around it: a wiretap between the functions
// and an engine in memory, stand-ins for GitHub and Google, and a switch that pauses the delivery of streams.
package stacktest

import (
	"context"
	"io"
	"maps"
	"time"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/openidtest"
	"latchkey/infra/testkit/standin"
	"latchkey/infra/testkit/wiretap"
)

// Options holds the arguments of Start.
type Options struct {
	Environment map[string]string // overrides variables of the template, as in [stack.Options]
	Log         io.Writer         // receives the lines of the functions
	Engine      *engine.Engine    // with the tables of the product, which Close stops; nil starts an empty one in memory

	MaxProcesses int // of each function, as in [stack.Own]
}

// Stack is a running product.
type Stack struct {
	*stack.Stack
	Tap        *wiretap.Proxy
	GitHub     *githubtest.Server
	Google     *openidtest.Server
	Deliveries *Deliveries // to the mailer, the only function that reads a stream

	closers []func() // in the order of the start
}

// client is the application that both providers know. The golden sign-ins of infra/e2e contain its ID.
var client = standin.Client{ID: "e2e", Secret: "a secret of the client"}

// Start starts a product on free ports. The caller must call Close.
func Start(ctx context.Context, options Options) (*Stack, error) {
	s := &Stack{Deliveries: &Deliveries{}}
	if err := s.start(ctx, options); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, options Options) error {
	root, err := engine.Root()
	if err != nil {
		return err
	}
	database := options.Engine
	if database == nil {
		if database, err = engine.StartDynoxide(ctx, engine.Options{Root: root}); err != nil {
			return err
		}
	}
	s.closers = append(s.closers, database.Stop)
	if s.Tap, err = wiretap.Serve(database.Endpoint); err != nil {
		return err
	}
	s.closers = append(s.closers, s.Tap.Close)
	if s.GitHub, err = githubtest.Start(client); err != nil {
		return err
	}
	s.closers = append(s.closers, s.GitHub.Close)
	if s.Google, err = openidtest.Start(client, time.Now); err != nil { //nolint:forbidigo // the stand-in signs for real clients
		return err
	}
	s.closers = append(s.closers, s.Google.Close)
	environment := map[string]string{
		"DYNAMODB_ENDPOINT":      s.Tap.URL,
		"OAUTH_GITHUB_CLIENT_ID": client.ID, "OAUTH_GITHUB_CLIENT_SECRET": client.Secret,
		"OAUTH_GITHUB_URL": s.GitHub.URL, "OAUTH_GITHUB_API_URL": s.GitHub.URL,
		"OAUTH_GOOGLE_CLIENT_ID": client.ID, "OAUTH_GOOGLE_CLIENT_SECRET": client.Secret,
		"OAUTH_GOOGLE_ISSUER": s.Google.URL,
	}
	maps.Copy(environment, options.Environment)
	s.Stack, err = stack.Start(ctx, stack.Options{
		Root: root, DynamoDBEndpoint: database.Endpoint, Environment: environment, Deliver: s.Deliveries.wrap, Log: options.Log,
		Platform: stack.Own{MaxProcesses: options.MaxProcesses},
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.Stack.Close)
	return nil
}

// Close ends the product and everything around it.
func (s *Stack) Close() {
	s.Deliveries.Resume() // closing the stack waits for deliveries in progress
	for len(s.closers) > 0 {
		last := len(s.closers) - 1
		s.closers[last]()
		s.closers = s.closers[:last]
	}
}
