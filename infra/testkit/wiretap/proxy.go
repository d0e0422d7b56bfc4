package wiretap

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Proxy is a Tap that other processes can use over HTTP.
type Proxy struct {
	*Tap
	URL    string
	server *http.Server
}

// Serve starts a Proxy on a free port of the loopback interface that forwards to the engine at endpoint. The caller must
// call Close.
func Serve(endpoint string) (*Proxy, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("parsing the address of the engine: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port for the wiretap: %w", err)
	}
	tap := New(http.DefaultTransport.(*http.Transport).Clone())
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: tap,
		// A broken connection to the engine becomes a broken connection to the caller.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	proxy := &Proxy{Tap: tap, URL: "http://" + listener.Addr().String(), server: &http.Server{Handler: forward}}
	go func() {
		if err := proxy.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	return proxy, nil
}

// Close stops the proxy and breaks the connections of calls in progress.
func (p *Proxy) Close() { _ = p.server.Close() }
