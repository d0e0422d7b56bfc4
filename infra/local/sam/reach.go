package sam

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
)

// dockerDesktop is the name by which containers of Docker Desktop reach the loopback interface of this machine.
const dockerDesktop = "host.docker.internal"

// endpoints lists variables whose address only functions use. If it is on the loopback interface, containers can get another address
// for it.
var endpoints = []string{"DYNAMODB_ENDPOINT", "SES_ENDPOINT"}

// shared lists variables whose address both functions and browsers use, so it must be the same for both.
var shared = []string{"OAUTH_GITHUB_URL", "OAUTH_GITHUB_API_URL", "OAUTH_GOOGLE_ISSUER"}

// reachable returns the value of a variable for a container. It does not change addresses that functions do not call, such as
// PUBLIC_URL.
func (r *running) reachable(variable, value string) (string, error) {
	address, err := url.Parse(value)
	if err != nil {
		return value, nil // the function reports the invalid value
	}
	switch host := address.Hostname(); {
	case slices.Contains(shared, variable) && host == "localhost":
		_, err := r.forward(address.Host, address.Port())
		return value, err
	case slices.Contains(endpoints, variable) && (host == "localhost" || host == "127.0.0.1"):
		address.Host, err = r.forward(address.Host, "0")
		return address.String(), err
	}
	return value, nil
}

// nameOfHost returns the argument of SAM's --add-host, which makes localhost mean this machine in containers. A container has no
// service of its own on localhost, so it can use the same address as a browser, if that is forwarded.
func (r *running) nameOfHost() string {
	if r.network.Gateway == nil {
		return "localhost:host-gateway"
	}
	return "localhost:" + r.network.Gateway.String()
}

// forward forwards a port of the gateway (0 selects a free one) to an address on the loopback interface, unless it is forwarded already.
// It returns the address for the containers.
func (r *running) forward(to, port string) (string, error) {
	if r.network.Gateway == nil {
		_, toPort, err := net.SplitHostPort(to)
		return net.JoinHostPort(dockerDesktop, toPort), err
	}
	for _, existing := range r.forwarders {
		if existing.to == to {
			return existing.listener.Addr().String(), nil
		}
	}
	f, err := forward(net.JoinHostPort(r.network.Gateway.String(), port), to)
	if err != nil {
		return "", err
	}
	r.forwarders = append(r.forwarders, f)
	r.closers = append(r.closers, f.close)
	return f.listener.Addr().String(), nil
}

// forwarder forwards connections from the containers of one network to a port of the loopback interface.
type forwarder struct {
	to       string
	listener net.Listener
	running  sync.WaitGroup
}

func forward(from, to string) (*forwarder, error) {
	listener, err := net.Listen("tcp", from)
	if err != nil {
		return nil, fmt.Errorf("forwarding to %s: %w", to, err)
	}
	f := &forwarder{to: to, listener: listener}
	f.running.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go f.serve(connection)
		}
	})
	return f, nil
}

// serve copies data in both directions until either side closes its connection.
func (f *forwarder) serve(inside net.Conn) {
	defer func() { _ = inside.Close() }()
	outside, err := net.Dial("tcp", f.to)
	if err != nil {
		return // closes the function's connection, which resembles a refused one
	}
	defer func() { _ = outside.Close() }()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{inside, outside}, {outside, inside}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}

// close closes the listener. Existing connections continue until either side closes them.
func (f *forwarder) close() {
	_ = f.listener.Close() // its only error is that the listener is closed already
	f.running.Wait()
}
