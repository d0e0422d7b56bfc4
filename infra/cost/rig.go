package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
	"latchkey/infra/local/streams"
	"latchkey/infra/local/template"
	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/standin"
	"latchkey/infra/testkit/wiretap"
)

// rig is the whole product on this machine with what measures it: a proxy that counts calls and units between functions and engine, a
// stand-in for GitHub, a meter of what functions log, and a gate that holds the mailer back while requests are counted.
type rig struct {
	*stack.Stack
	tap    *wiretap.Proxy
	github *githubtest.Server
	logs   *logMeter
	gate   *gate
	people int // made so far, each with a name of its own
	homes  int // given so far, each an address of its own
	ends   []func()
}

// startRig starts one. environment overrides variables of the template.
func startRig(ctx context.Context, environment map[string]string) (*rig, error) {
	r := &rig{logs: &logMeter{}, gate: &gate{}}
	if err := r.start(ctx, environment); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *rig) start(ctx context.Context, environment map[string]string) error {
	root, err := engine.Root()
	if err != nil {
		return err
	}
	database, err := engine.StartDynoxide(ctx, engine.Options{Root: root})
	if err != nil {
		return err
	}
	r.ends = append(r.ends, database.Stop)
	if r.tap, err = wiretap.Serve(database.Endpoint); err != nil {
		return err
	}
	r.ends = append(r.ends, r.tap.Close)
	application := standin.Client{ID: "latchkey", Secret: "not much of one"}
	if r.github, err = githubtest.Start(application); err != nil {
		return err
	}
	r.ends = append(r.ends, r.github.Close)
	variables := map[string]string{
		"DYNAMODB_ENDPOINT":      r.tap.URL,
		"OAUTH_GITHUB_CLIENT_ID": application.ID, "OAUTH_GITHUB_CLIENT_SECRET": application.Secret,
		"OAUTH_GITHUB_URL": r.github.URL, "OAUTH_GITHUB_API_URL": r.github.URL,
	}
	for name, value := range environment {
		variables[name] = value
	}
	r.gate.hold()
	r.Stack, err = stack.Start(ctx, stack.Options{
		Root: root, DynamoDBEndpoint: database.Endpoint, Environment: variables, Deliver: r.gate.through, Log: r.logs,
	})
	if err != nil {
		r.gate.release()
		return err
	}
	r.ends = append(r.ends, r.Close, r.gate.release)
	return nil
}

// close ends everything, what was started last first.
func (r *rig) close() {
	for len(r.ends) > 0 {
		last := len(r.ends) - 1
		r.ends[last]()
		r.ends = r.ends[:last]
	}
}

// function is the one in a folder of functions/.
func (r *rig) function(folder string) (template.Function, error) {
	for _, function := range r.Template.Functions {
		if filepath.Base(function.Folder) == folder {
			return function, nil
		}
	}
	return template.Function{}, fmt.Errorf("template.yaml has no function in functions/%s", folder)
}

// gate lets deliveries to the mailer through, or holds them.
type gate struct{ open sync.RWMutex }

func (g *gate) through(next streams.Invoke) streams.Invoke {
	return func(ctx context.Context, function string, payload []byte) ([]byte, error) {
		g.open.RLock()
		defer g.open.RUnlock()
		return next(ctx, function, payload)
	}
}

// hold returns when no delivery is under way.
func (g *gate) hold() { g.open.Lock() }

func (g *gate) release() { g.open.Unlock() }

// logMeter counts what each function logs.
type logMeter struct {
	mu    sync.Mutex
	lines map[string]int
	bytes map[string]int
}

// Write implements [io.Writer]. It gets one line at a time, with the function's folder in front.
func (m *logMeter) Write(line []byte) (int, error) {
	label, text, _ := bytes.Cut(line, []byte(" | "))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lines == nil {
		m.lines, m.bytes = map[string]int{}, map[string]int{}
	}
	m.lines[string(label)]++
	m.bytes[string(label)] += len(text)
	return len(line), nil
}

func (m *logMeter) of(folder string) (lines, size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lines[folder], m.bytes[folder]
}

// request is a request to the product.
type request struct {
	method, path string
	body         string
	headers      []string // "Name: value"
	from         net.IP   // of the loopback interface; nil for its usual address
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// address is one of the loopback interface that nobody has had.
func (r *rig) address() net.IP {
	r.homes++
	return net.IPv4(127, 1, byte(r.homes>>8), byte(r.homes))
}

// do sends a request and follows no redirect.
func (r *rig) do(ctx context.Context, asked request) (answer, error) {
	return sendBy(ctx, transportFrom(asked.from), asked.method, r.URL+asked.path, asked.body, asked.headers...)
}

// transportFrom makes connections from an address of its own, since limits count by address. Each is used once.
func transportFrom(address net.IP) http.RoundTripper {
	if address == nil {
		return http.DefaultTransport
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: address}}
	return &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
}

func send(ctx context.Context, method, address, body string, headers ...string) (answer, error) {
	return sendBy(ctx, http.DefaultTransport, method, address, body, headers...)
}

func sendBy(
	ctx context.Context, transport http.RoundTripper, method, address, body string, headers ...string,
) (answer, error) {
	sent, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		sent.Header.Add(name, value)
	}
	response, err := transport.RoundTrip(sent)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}, err
}
