package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
	"latchkey/pkg/app"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/lambdahttp"
	"latchkey/pkg/token"
)

// product is the system under test: an engine with the tables of the template, and the environment of the functions.
type product struct {
	root        string
	template    *template.Template
	environment map[string]string
	floor       *dynamodb.Client // the same client as the functions use
	stop        func()

	accounts int // created so far
}

const (
	password = "correct horse battery staple"
	fakeKey  = "local" // for the engine, which accepts any
)

func startProduct(ctx context.Context) (*product, error) {
	root, err := engine.Root()
	if err != nil {
		return nil, err
	}
	database, err := engine.StartDynoxide(ctx, engine.Options{Root: root})
	if err != nil {
		return nil, err
	}
	p := &product{root: root, stop: database.Stop}
	if err := p.prepare(ctx, database.Endpoint); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *product) prepare(ctx context.Context, endpoint string) error {
	keys, err := token.GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		return err
	}
	p.environment = map[string]string{
		"PUBLIC_URL": "http://localhost:8000", "SIGNING_KEYS": string(keys), "DYNAMODB_ENDPOINT": endpoint,
		"RATE_LIMIT_FACTOR": "1000", // refusals are not measured
		"AWS_REGION":        template.Region, "AWS_ACCESS_KEY_ID": fakeKey, "AWS_SECRET_ACCESS_KEY": fakeKey, "AWS_SESSION_TOKEN": fakeKey,
	}
	if p.template, err = template.Load(filepath.Join(p.root, "template.yaml"), p.environment); err != nil {
		return err
	}
	p.floor = dynamo.NewClient(dynamo.Options{
		Region: template.Region, Endpoint: endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(fakeKey, fakeKey, fakeKey),
	})
	return tables.Create(ctx, tables.Client(endpoint), p.template.Tables, "")
}

// variables returns the environment of the function in a folder.
func (p *product) variables(folder string) (map[string]string, error) {
	for _, function := range p.template.Functions {
		if filepath.Base(function.Folder) != folder {
			continue
		}
		all := map[string]string{"AWS_LAMBDA_FUNCTION_NAME": function.Name}
		for _, source := range []map[string]string{p.environment, function.Environment} {
			for name, value := range source {
				all[name] = value
			}
		}
		return all, nil
	}
	return nil, fmt.Errorf("template.yaml has no function in functions/%s", folder)
}

// endpoint is the handler of a function in this process, with decoding and encoding: the code that runs for each event in Lambda,
// without the Runtime API.
type endpoint struct {
	route   string
	handler lambda.Handler
}

func (p *product) endpoint(folder, path string, function app.Function) (*endpoint, error) {
	variables, err := p.variables(folder)
	if err != nil {
		return nil, err
	}
	handler, err := app.Build(function, func(name string) string { return variables[name] }, io.Discard)
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", folder, err)
	}
	return &endpoint{route: path, handler: lambda.NewHandler(lambdahttp.Adapt(handler))}, nil
}

// call sends an event and returns the encoded response, which must have that status. It reads only the status, so that the bench
// adds little to the measured time.
func (e *endpoint) call(ctx context.Context, payload []byte, status int) ([]byte, error) {
	output, err := e.handler.Invoke(ctx, payload)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(output, fmt.Appendf(nil, `{"statusCode":%d,`, status)) {
		return nil, fmt.Errorf("%s: want status %d, got %s", e.route, status, output)
	}
	return output, nil
}

// account is a registered user with the tokens of a session.
type account struct{ name, access, refresh string }

// functions builds the functions into a folder, which remove deletes, and returns the registration that creates their accounts.
func (p *product) functions(ctx context.Context) (folder string, registration *endpoint, remove func(), err error) {
	folder, remove, err = build(ctx, p.root)
	if err != nil {
		return "", nil, nil, err
	}
	registration, err = p.endpoint("register", "POST /api/auth/register", app.Register)
	if err != nil {
		remove()
		return "", nil, nil, err
	}
	return folder, registration, remove, nil
}

// register creates an account through the product itself.
func (p *product) register(ctx context.Context, endpoint *endpoint) (account, error) {
	p.accounts++
	a := account{name: fmt.Sprintf("bench-%d", p.accounts)}
	body := object("username", a.name, "email", a.name+"@example.com", "password", password)
	response, err := endpoint.call(ctx, event(endpoint.route, body, "", p.accounts), http.StatusCreated)
	if err != nil {
		return account{}, err
	}
	a.access, a.refresh = member(response, "access_token"), member(response, "refresh_token")
	return a, nil
}
