// Command probe is a function for the tests of the host. The path of the event selects what it does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Path  string            `json:"rawPath"`
	Query map[string]string `json:"queryStringParameters"`
}

type handler struct{}

// Invoke implements lambda.Handler. Unlike a handler of lambda.Start, it can return a payload that is not JSON.
func (handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	milliseconds, _ := strconv.Atoi(e.Query["ms"]) // 0 if absent
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	switch e.Path {
	case "/pid":
		return respond(strconv.Itoa(os.Getpid()))
	case "/echo":
		return respond(string(payload))
	case "/environ":
		return respond(strings.Join(os.Environ(), "\n"))
	case "/context":
		return describe(ctx)
	case "/later":
		time.AfterFunc(50*time.Millisecond, func() { _ = os.WriteFile(e.Query["file"], nil, 0o600) })
		return respond("the file will be written")
	case "/print":
		fmt.Print("first line\nsecond ", e.Query["text"], "\n")
		fmt.Fprint(os.Stderr, "no line end")
		return respond("")
	case "/big":
		size, _ := strconv.Atoi(e.Query["bytes"])
		return []byte(`"` + strings.Repeat("x", size-2) + `"`), nil
	case "/garbage":
		return []byte("{oops"), nil
	case "/error":
		return nil, errors.New("on demand")
	case "/panic":
		panic("on demand")
	case "/exit":
		os.Exit(3)
	}
	return nil, fmt.Errorf("unknown path %s", e.Path)
}

func respond(body string) ([]byte, error) {
	return json.Marshal(map[string]any{"statusCode": 200, "body": body})
}

func describe(ctx context.Context) ([]byte, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	description, err := json.Marshal(map[string]any{
		"id":       lc.AwsRequestID,
		"arn":      lc.InvokedFunctionArn,
		"trace":    ctx.Value("x-amzn-trace-id"),
		"deadline": time.Until(deadline).Seconds(),
	})
	if err != nil {
		return nil, err
	}
	return respond(string(description))
}

// runtimeURL returns the address of a resource of the Runtime API, for calls that the library does not make.
func runtimeURL(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/" + path
}

func post(path, body string) {
	response, err := http.Post(runtimeURL(path), "application/json", strings.NewReader(body))
	if err != nil || response.StatusCode != http.StatusAccepted {
		panic(fmt.Sprintf("posting %s: %v %+v", path, err, response))
	}
	_ = response.Body.Close()
}

func next() {
	response, err := http.Get(runtimeURL("invocation/next"))
	if err != nil {
		panic(err)
	}
	_ = response.Body.Close()
}

func main() {
	switch os.Getenv("INIT") {
	case "exit":
		fmt.Fprintln(os.Stderr, "a setting is missing")
		os.Exit(1)
	case "hang":
		time.Sleep(time.Hour)
	case "report":
		post("init/error", `{"errorType":"Settings","errorMessage":"one is missing"}`)
		time.Sleep(time.Hour)
	case "mute":
		for {
			next()
		}
	}
	lambda.Start(handler{})
}
