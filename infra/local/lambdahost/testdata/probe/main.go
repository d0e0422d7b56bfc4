// Command probe is a function that misbehaves on demand: the path of its event says how. The tests of the host run it.
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

// Invoke implements lambda.Handler, which can answer with what is no JSON.
func (handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var asked event
	if err := json.Unmarshal(payload, &asked); err != nil {
		return nil, err
	}
	milliseconds, _ := strconv.Atoi(asked.Query["ms"]) // 0 when absent
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	switch asked.Path {
	case "/pid":
		return answer(strconv.Itoa(os.Getpid()))
	case "/echo":
		return answer(string(payload))
	case "/environ":
		return answer(strings.Join(os.Environ(), "\n"))
	case "/context":
		return describe(ctx)
	case "/later":
		time.AfterFunc(50*time.Millisecond, func() { _ = os.WriteFile(asked.Query["file"], nil, 0o600) })
		return answer("it will be written")
	case "/print":
		fmt.Print("first line\nsecond ", asked.Query["text"], "\n")
		fmt.Fprint(os.Stderr, "no line end")
		return answer("")
	case "/big":
		size, _ := strconv.Atoi(asked.Query["bytes"])
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
	return nil, fmt.Errorf("nothing is known about %s", asked.Path)
}

func answer(body string) ([]byte, error) {
	return json.Marshal(map[string]any{"statusCode": 200, "body": body})
}

func describe(ctx context.Context) ([]byte, error) {
	about, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	description, err := json.Marshal(map[string]any{
		"id":       about.AwsRequestID,
		"arn":      about.InvokedFunctionArn,
		"trace":    ctx.Value("x-amzn-trace-id"),
		"deadline": time.Until(deadline).Seconds(),
	})
	if err != nil {
		return nil, err
	}
	return answer(string(description))
}

// runtimeURL is where what the library does not do can be done by hand.
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
