package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"

	"latchkey/infra/local/template"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/stacktest"
)

// rig is the whole product on this machine, with a meter of what the functions log. Its mailer is paused while requests are measured.
type rig struct {
	*stacktest.Stack
	logs      *logMeter
	users     int // registered so far; each has its own name
	addresses int // used so far; each is a different source of requests
}

// startRig starts a product. environment overrides variables of the template. The caller must call Close.
func startRig(ctx context.Context, environment map[string]string) (*rig, error) {
	r := &rig{logs: &logMeter{}}
	var err error
	if r.Stack, err = stacktest.Start(ctx, stacktest.Options{Environment: environment, Log: r.logs}); err != nil {
		return nil, err
	}
	r.Deliveries.Pause()
	return r, nil
}

// function returns the function in a folder of functions/.
func (r *rig) function(folder string) (template.Function, error) {
	for _, function := range r.Template.Functions {
		if filepath.Base(function.Folder) == folder {
			return function, nil
		}
	}
	return template.Function{}, fmt.Errorf("template.yaml has no function in functions/%s", folder)
}

// logMeter counts the lines and bytes that each function logs.
type logMeter struct {
	mu    sync.Mutex
	lines map[string]int
	bytes map[string]int
}

// Write implements [io.Writer]. It expects one line per call, which begins with the folder of the function.
func (m *logMeter) Write(line []byte) (int, error) {
	folder, text, _ := bytes.Cut(line, []byte(" | "))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lines == nil {
		m.lines, m.bytes = map[string]int{}, map[string]int{}
	}
	m.lines[string(folder)]++
	m.bytes[string(folder)] += len(text)
	return len(line), nil
}

// of returns the counts of the function in a folder.
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
	source       net.IP   // of the loopback interface; nil for the default
}

type response = httpclient.Response

// newAddress returns an unused address of the loopback interface.
func (r *rig) newAddress() net.IP {
	r.addresses++
	return net.IPv4(127, 1, byte(r.addresses>>8), byte(r.addresses))
}

// do sends a request.
func (r *rig) do(ctx context.Context, req request) (response, error) {
	client := httpclient.Client{Transport: transportFrom(req.source)}
	return client.Do(ctx, req.method, r.URL+req.path, req.body, req.headers...)
}

// transportFrom returns a transport that connects from an address, because rate limits count by address. It keeps no connections, as
// each address is used for few requests.
func transportFrom(source net.IP) http.RoundTripper {
	if source == nil {
		return http.DefaultTransport
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: source}}
	return &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
}
