package sam

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
)

// dockerDesktop is the name by which its containers reach what listens on this machine's loopback.
const dockerDesktop = "host.docker.internal"

// endpoints are the variables that hold an address which only functions call: what is on this machine's loopback they can be given
// under another address.
var endpoints = []string{"DYNAMODB_ENDPOINT", "SES_ENDPOINT"}

// shared are those whose address functions call and browsers are sent to, so that it has to be one for both.
var shared = []string{"OAUTH_GITHUB_URL", "OAUTH_GITHUB_API_URL", "OAUTH_GOOGLE_ISSUER"}

// reachable is the value of a variable as a container needs it. Addresses that functions do not call, such as PUBLIC_URL, stay.
func (r *running) reachable(variable, value string) (string, error) {
	address, err := url.Parse(value)
	if err != nil {
		return value, nil // the function says what is wrong with it
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

// nameOfHost is how containers find this machine, as for SAM's --add-host. They also find it as localhost, where they have nothing of
// their own that is called by that name: what a browser finds there is there for them as well, if it is forwarded.
func (r *running) nameOfHost() string {
	if r.network.Gateway == nil {
		return "localhost:host-gateway"
	}
	return "localhost:" + r.network.Gateway.String()
}

// forward makes an address of this machine's loopback reachable from the containers, once, at a port of that number, 0 being any, and
// returns the address that they have for it.
func (r *running) forward(to, port string) (string, error) {
	if r.network.Gateway == nil {
		_, same, err := net.SplitHostPort(to)
		return net.JoinHostPort(dockerDesktop, same), err
	}
	for _, earlier := range r.forwarded {
		if earlier.to == to {
			return earlier.listener.Addr().String(), nil
		}
	}
	f, err := forward(net.JoinHostPort(r.network.Gateway.String(), port), to)
	if err != nil {
		return "", err
	}
	r.forwarded = append(r.forwarded, f)
	r.closers = append(r.closers, f.close)
	return f.listener.Addr().String(), nil
}

// forwarder lets the containers of one network, and nobody else, reach a port of this machine's loopback.
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

// serve copies both ways until either side ends.
func (f *forwarder) serve(inside net.Conn) {
	defer func() { _ = inside.Close() }()
	outside, err := net.Dial("tcp", f.to)
	if err != nil {
		return // the function sees a connection that ends, as it would if nobody listened
	}
	defer func() { _ = outside.Close() }()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{inside, outside}, {outside, inside}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}

// close ends the listening; what is connected ends with either side.
func (f *forwarder) close() {
	_ = f.listener.Close() // a second time, at worst
	f.running.Wait()
}
