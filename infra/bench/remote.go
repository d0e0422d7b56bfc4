package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/infra/local/template"
	"latchkey/infra/report"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/ssm"
)

// latency is the time that each direction to a remote service takes.
const latency = 5 * time.Millisecond

// The parameters of the stand-in for Systems Manager.
const (
	benchKeys      = "/bench/keys"
	benchPublicURL = "/bench/public-url"
)

// measureRemoteStarts measures the start of me with its keys and its address in Systems Manager, when that and the store are behind
// TLS and the latency, in turns with the slower of the two: a connection and a call by a process that has run for a while.
func measureRemoteStarts(ctx context.Context, p *product, effort effort, table *table) error {
	folder, remove, err := build(ctx, p.root)
	if err != nil {
		return err
	}
	defer remove()
	services, err := startRemote(p)
	if err != nil {
		return err
	}
	defer services.stop()
	variables, err := p.variables("me")
	if err != nil {
		return err
	}
	maps.Copy(variables, services.variables(filepath.Join(folder, "roots.pem")))
	if err := os.WriteFile(filepath.Join(folder, "roots.pem"), services.certificate, 0o600); err != nil {
		return fmt.Errorf("writing the root certificate: %w", err)
	}
	var measured pair
	var beyond []float64
	for round := range effort.starts + 1 {
		ready, err := untilReady(ctx, filepath.Join(folder, "me"), variables)
		if err != nil {
			return err
		}
		slower, err := services.slower(ctx)
		if err != nil {
			return err
		}
		if round > 0 { // the first start reads the binary from the disk
			measured.add(ready, slower)
			beyond = append(beyond, float64(ready-slower)/float64(time.Millisecond))
		}
	}
	table.add("exec to ready, me, remote services / the slower of them", &measured, report.Bar{})
	table.addValues("exec to ready, me, beyond the slower service, ms", beyond, report.AtMost(10))
	return nil
}

// remote holds the stand-ins for remote services.
type remote struct {
	store, parameters string // URLs
	certificate       []byte // PEM
	roots             *x509.CertPool
	stop              func()
}

func startRemote(p *product) (*remote, error) {
	certificate, encoded, err := newCertificate()
	if err != nil {
		return nil, err
	}
	engine, err := url.Parse(p.environment["DYNAMODB_ENDPOINT"])
	if err != nil {
		return nil, fmt.Errorf("reading the address of the engine: %w", err)
	}
	parameters, err := parameterService(p.environment)
	if err != nil {
		return nil, err
	}
	r := &remote{certificate: encoded, roots: x509.NewCertPool()}
	r.roots.AppendCertsFromPEM(encoded)
	var stopStore, stopParameters func()
	if r.store, stopStore, err = serveRemote(httputil.NewSingleHostReverseProxy(engine), certificate); err != nil {
		return nil, err
	}
	if r.parameters, stopParameters, err = serveRemote(parameters, certificate); err != nil {
		stopStore()
		return nil, err
	}
	r.stop = func() { stopStore(); stopParameters() }
	return r, nil
}

// variables returns what the environment of a function has for the services.
func (r *remote) variables(roots string) map[string]string {
	return map[string]string{
		"DYNAMODB_ENDPOINT": r.store, "SSM_ENDPOINT": r.parameters, "SSL_CERT_FILE": roots, "SSL_CERT_DIR": "/var/empty",
		"PUBLIC_URL": "", "PUBLIC_URL_PARAMETER": benchPublicURL, "SIGNING_KEYS": "", "KEYS_PREFIX": benchKeys,
	}
}

// slower returns the time of a connection and one call to the store, or to Systems Manager if that takes longer.
func (r *remote) slower(ctx context.Context) (time.Duration, error) {
	transport := func() *http.Transport {
		own := dynamo.NewTransport()
		own.TLSClientConfig = &tls.Config{RootCAs: r.roots, MinVersion: tls.VersionTLS12}
		return own
	}
	identity := credentials.NewStaticCredentialsProvider(fakeKey, fakeKey, fakeKey)
	store := dynamo.New(dynamo.Options{
		UsersTable: "Users", SessionsTable: "Sessions", Region: template.Region, Endpoint: r.store, Credentials: identity,
		Transport: transport(), Random: rand.Reader,
	})
	parameters := ssm.New(ssm.Options{
		Region: template.Region, Endpoint: r.parameters, Credentials: identity, Transport: transport(), Now: now,
	})
	start := now()
	if err := store.Ping(ctx); err != nil {
		return 0, err
	}
	middle := now()
	if _, err := parameters.ReadBelow(ctx, benchKeys); err != nil {
		return 0, err
	}
	return max(middle.Sub(start), now().Sub(middle)), nil
}

// parameterService returns a stand-in for Systems Manager with the keys and the address of an environment.
func parameterService(environment map[string]string) (http.Handler, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal([]byte(environment["SIGNING_KEYS"]), &set); err != nil || len(set.Keys) != 2 {
		return nil, fmt.Errorf("reading SIGNING_KEYS: got %d keys and the error %w, want a signing and a deriving key", len(set.Keys), err)
	}
	type parameter struct{ Name, Value string }
	keys := make([]parameter, len(set.Keys))
	for i, name := range []string{"/signing/0001", "/deriving/0001"} {
		stored := map[string]any{"key": set.Keys[i], "from": now().UTC().Add(-time.Hour).Format(time.RFC3339), "life_seconds": 365 * 24 * 3600}
		keys[i] = parameter{benchKeys + name, string(encode(stored))}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any = map[string]any{"Parameters": keys}
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetParameter") {
			body = map[string]any{"Parameter": parameter{benchPublicURL, environment["PUBLIC_URL"]}}
		}
		_, _ = w.Write(encode(body)) // a client that has gone is noticed when its start is awaited
	}), nil
}

// newCertificate returns a certificate for 127.0.0.1 that is its own root, and its PEM form.
func newCertificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("drawing a key: %w", err)
	}
	draft := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now().Add(-time.Hour), NotAfter: now().Add(24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("signing a certificate: %w", err)
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, encoded, nil
}

// serveRemote serves a handler by TLS behind the latency, and returns its URL.
func serveRemote(handler http.Handler, certificate tls.Certificate) (address string, stop func(), err error) {
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("opening a service: %w", err)
	}
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = near.Close()
		return "", nil, fmt.Errorf("opening a service: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: eventTime, TLSConfig: config}
	go func() { _ = server.ServeTLS(far, "", "") }() // its error is ErrServerClosed, from stop
	go delay(near, far.Addr().String())
	return "https://" + near.Addr().String(), func() { _ = near.Close(); _ = server.Close() }, nil
}

// delay passes on the connections of a listener with the latency, until the listener is closed. The first data of a client waits
// twice as long in addition, for the round trip with which TCP opens a connection.
func delay(listener net.Listener, to string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			_ = client.Close()
			continue
		}
		go later(server, client, 2*latency)
		go later(client, server, 0)
	}
}

// later copies from one connection to another with the latency, and closes both at the end. opening delays the first data further.
func later(to, from net.Conn, opening time.Duration) {
	type chunk struct {
		due  time.Time
		data []byte
	}
	chunks := make(chan chunk, 1024)
	go func() {
		defer close(chunks)
		due := now().Add(opening)
		for {
			data := make([]byte, 32<<10)
			n, err := from.Read(data)
			if at := now(); at.After(due) {
				due = at
			}
			if n > 0 {
				chunks <- chunk{due.Add(latency), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	defer func() { _, _ = to.Close(), from.Close() }()
	for each := range chunks {
		time.Sleep(each.due.Sub(now()))
		if _, err := to.Write(each.data); err != nil {
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}
