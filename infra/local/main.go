// Command local runs Latchkey on this machine as AWS runs it: `make run`. It reads its settings from the environment, says where
// everything is, and ends everything when it is interrupted. With -fresh it begins with empty tables; with -sam the functions run in
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
	var asked flags
	flag.BoolVar(&asked.fresh, "fresh", false, "begin with empty tables and new signing keys")
	flag.BoolVar(&asked.sam, "sam", false, "run the functions in containers, by the SAM CLI")
	flag.Parse()
	if err := run(ctx, os.Environ(), asked, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
		os.Exit(1)
	}
}

// flags are what the command line asks for.
type flags struct{ fresh, sam bool }

// run returns nil if ctx ended it, during the start too.
func run(ctx context.Context, environment []string, asked flags, out io.Writer) error {
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
	options.Fresh, options.Log = asked.fresh, out
	if asked.sam {
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
	announce(out, s, options.DataDir)
	return s.Wait(ctx)
}

func announce(out io.Writer, s *stack.Stack, data string) {
	database := s.DynamoDB
	if database == "" {
		database = "not ours"
	}
	google := "as set"
	if s.OpenIDURL != "" {
		google = s.OpenIDURL + " (local: any address may sign in)"
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

// settings reads what is for the run itself; the environment as a whole goes on to the template.
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
		name     string
		port     *int
		standard int
	}{
		{"PORT", &o.Port, 8000},
		{"DYNAMODB_PORT", &o.DynamoDBPort, 8001},
		{"MAIL_PORT", &o.MailPort, 8005},
		{"OPENID_PORT", &o.OpenIDPort, 8006},
	} {
		*setting.port = setting.standard
		given := variables[setting.name]
		if given == "" {
			continue
		}
		number, err := strconv.ParseUint(given, 10, 16)
		if err != nil {
			return o, fmt.Errorf("%s is %q; set it to a port number, or to 0 for any free port", setting.name, given)
		}
		*setting.port = int(number)
	}
	return o, nil
}
