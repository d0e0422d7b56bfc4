// Package standin is the common base of the emulated sign-in providers. It provides a server on a free port of the
// loopback interface that counts its requests and fails on demand, and the authorization codes of OAuth 2.0.
//
// The responses of particular providers are in githubtest and openidtest. The faults of a store are in package wiretap.
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

// headerTime limits how long a client may take to send its headers. Clients run on the same machine.
const headerTime = 10 * time.Second

// Client is the one application that a provider knows. Any redirect URI on this machine is accepted, because a test
// learns the port of its callback late.
type Client struct{ ID, Secret string }

// Server is a running provider. Its methods are safe for concurrent use.
type Server struct {
	URL string // without a slash at the end

	handler http.Handler
	server  *http.Server

	mu       sync.Mutex
	requests map[string]int
	faults   map[string]Fault
}

// Start serves handler until Close.
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

// Close stops the server and breaks the connections of requests in progress.
func (s *Server) Close() { _ = s.server.Close() }

// Fail makes every request to path fail with the fault, until Reset.
func (s *Server) Fail(path string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[path] = fault
}

// Reset removes all faults and sets all counts to zero.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
	clear(s.requests)
}

// Requests returns the number of requests to path since the last Reset, including failed ones.
func (s *Server) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

// Total returns the number of requests to all paths since the last Reset.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0
	for _, count := range s.requests {
		sum += count
	}
	return sum
}

// ServeHTTP implements [http.Handler]: it counts the request and passes it to the path's fault, or else to the handler.
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

// WriteJSON responds with a JSON document.
func WriteJSON(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // fails only if the client has disconnected
}
