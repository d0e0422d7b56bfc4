// Package standin is what the stand-ins of sign-in providers have in common: a server on a free port of the loopback interface that
// counts its requests and fails on demand, and the authorization codes of OAuth 2.0.
//
// It knows no provider's answers; those are in githubtest and openidtest. Nor does it stand between anything: the failures of a store
// are in package wiretap.
package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerTime is how long a client may take for its headers; clients are on this machine.
const headerTime = 10 * time.Second

// Client is the one application that a stand-in knows. Its redirect URI may be any on this machine, since its port is known late.
type Client struct{ ID, Secret string }

// Server is a running stand-in. Its methods may be called at any time, from any goroutine.
type Server struct {
	URL string // without a slash at the end

	handler http.Handler
	server  *http.Server

	mu       sync.Mutex
	requests map[string]int
	faults   map[string]Fault
}

// Start serves handler. The server ends with Close.
func Start(handler http.Handler) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port for the stand-in: %w", err)
	}
	s := &Server{
		URL: "http://" + listener.Addr().String(), handler: handler,
		requests: map[string]int{}, faults: map[string]Fault{},
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: headerTime}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	return s, nil
}

// Close ends the server and breaks what is under way.
func (s *Server) Close() { _ = s.server.Close() }

// Fail lets every request to path meet the fault, until Reset.
func (s *Server) Fail(path string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[path] = fault
}

// Reset forgets all faults and counts.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
	clear(s.requests)
}

// Requests is how many requests to path have come since the last Reset, failed ones too.
func (s *Server) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

// Total is how many requests have come since the last Reset, whatever their path.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for _, count := range s.requests {
		sum += count
	}
	return sum
}

// ServeHTTP implements [http.Handler]: it counts the request and hands it to its fault or to the handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.URL.Path]++
	fault := s.faults[r.URL.Path]
	s.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	s.handler.ServeHTTP(w, r)
}

// WriteJSON answers with a JSON document.
func WriteJSON(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // a client that has gone is no fault of ours
}
