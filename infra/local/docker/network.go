package docker

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strings"
)

// Network is a network of containers. It and all its containers end with Close, or with this process.
type Network struct {
	Name string
	// Gateway is the address of this machine for the containers. It is nil if the engine runs in another machine, as with
	// Docker Desktop.
	Gateway net.IP

	engine  *Engine
	cleanup *cleanup
}

// removeNetwork removes the containers of network $1 and the network. It repeats this because SAM may connect another
// container at the same time.
const removeNetwork = `
for attempt in 1 2 3 4 5; do
  for container in $(docker ps --all --quiet --filter "network=$1"); do
    docker rm --force --volumes "$container"
  done
  docker network rm "$1" && exit
  sleep 1
done >/dev/null 2>&1
exit 1
`

// OpenNetwork creates a network with a unique name.
func (e *Engine) OpenNetwork(ctx context.Context) (*Network, error) {
	n := &Network{Name: "latchkey-" + strings.ToLower(rand.Text()[:8]), engine: e}
	if _, err := e.run(ctx, nil, "network", "create", n.Name); err != nil {
		return nil, err
	}
	var err error
	if n.cleanup, err = e.newCleanup(removeNetwork, n.Name); err != nil {
		_, _ = e.run(context.WithoutCancel(ctx), nil, "network", "rm", n.Name)
		return nil, err
	}
	gateway, err := e.run(ctx, nil, "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", n.Name)
	if err != nil {
		_ = n.Close()
		return nil, err
	}
	if ip := net.ParseIP(gateway); ownAddress(ip) {
		n.Gateway = ip
	}
	return n, nil
}

// Containers returns the containers in the network, running or not, each as "id state name".
func (n *Network) Containers(ctx context.Context) ([]string, error) {
	lines, err := n.engine.run(ctx, nil, "ps", "--all", "--filter", "network="+n.Name, "--format", "{{.ID}} {{.State}} {{.Names}}")
	if err != nil || lines == "" {
		return nil, err
	}
	return strings.Split(lines, "\n"), nil
}

// Close removes the containers in the network, and the network.
func (n *Network) Close() error {
	if err := n.cleanup.run(); err != nil {
		return fmt.Errorf("removing network %s: %w", n.Name, err)
	}
	return nil
}

// ownAddress reports whether ip is an address of this machine.
func ownAddress(ip net.IP) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil || ip == nil {
		return false
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.Equal(ip) {
			return true
		}
	}
	return false
}
