// Command local runs Latchkey on this machine (`make run`). It reads its settings from the environment, prints the addresses of all
// components, and stops them when it is interrupted. With -fresh it starts with empty tables. With -sam it runs the functions in
// containers (`make sam-local`).
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/sam"
	"latchkey/infra/local/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	var options flags
	flag.BoolVar(&options.fresh, "fresh", false, "start with empty tables and new signing keys")
	flag.BoolVar(&options.sam, "sam", false, "run the functions in containers with the SAM CLI")
	flag.Parse()
	if err := run(ctx, os.Environ(), options, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
		os.Exit(1)
	}
}

// flags holds the options of the command line.
type flags struct{ fresh, sam bool }

// run runs Latchkey until ctx ends. It then returns nil, even during the start.
func run(ctx context.Context, environment []string, f flags, out io.Writer) error {
	options, err := settings(environment)
	if err != nil {
		return err
	}
	if options.Root, err = engine.Root(); err != nil {
		return err
	}
	if !filepath.IsAbs(options.DataDir) {
		options.DataDir = filepath.Join(options.Root, options.DataDir)
	}
	options.Fresh, options.Log = f.fresh, out
	if f.sam {
		if options.Platform, err = sam.Open(ctx, options.Root, options.Environment["SAM_IMAGE"]); err != nil {
			return err
		}
	}
	s, err := stack.Start(ctx, options)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer s.Close()
	if err := checkConfiguration(s.Template.Functions); err != nil {
		return err
	}
	printAddresses(out, s, options.DataDir)
	return s.Wait(ctx)
}

func printAddresses(out io.Writer, s *stack.Stack, data string) {
	database := s.DynamoDB
	if database == "" {
		database = "DYNAMODB_ENDPOINT"
	}
	google := "as configured"
	if s.OpenIDURL != "" {
		google = s.OpenIDURL + " (local provider: accepts any address)"
	}
	fmt.Fprintf(out, `
  API     %s
  inbox   %s
  google  %s
  tables  %s (%s)
  data    %s

ready
`, s.URL, s.MailURL, google, s.DynamoDBEndpoint, database, data)
}

// settings returns the options in the environment. The template also gets the whole environment.
func settings(environment []string) (stack.Options, error) {
	variables := make(map[string]string, len(environment))
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		variables[name] = value
	}
	o := stack.Options{
		DataDir:          ".data",
		DynamoDBEndpoint: variables["DYNAMODB_ENDPOINT"],
		OpenID:           true,
		Environment:      variables,
	}
	if folder := variables["DATA_DIR"]; folder != "" {
		o.DataDir = folder
	}
	for _, setting := range []struct {
		name         string
		port         *int
		defaultValue int
	}{
		{"PORT", &o.Port, 8000},
		{"DYNAMODB_PORT", &o.DynamoDBPort, 8001},
		{"MAIL_PORT", &o.MailPort, 8005},
		{"OPENID_PORT", &o.OpenIDPort, 8006},
	} {
		*setting.port = setting.defaultValue
		value := variables[setting.name]
		if value == "" {
			continue
		}
		number, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return o, fmt.Errorf("%s is %q; set it to a port number, or to 0 for any free port", setting.name, value)
		}
		*setting.port = int(number)
	}
	return o, nil
}
