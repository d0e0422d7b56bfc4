package keyring_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/infra/testkit/ssmtest"
	"latchkey/pkg/id"
	"latchkey/pkg/keyring"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/token"
)

const (
	issuer = "https://auth.example"
	day    = 24 * time.Hour
)

// schedule is short, so that a test covers the lives of many keys.
var schedule = keyring.Schedule{
	Algorithm: "ES256", Period: 10 * day, Notice: 2 * time.Hour, Tick: day, Settle: time.Hour,
	SigningLife: 12 * day, DerivingLife: 40 * day,
}

// stack holds the keys of one stack, with a store, a clock and a log.
type stack struct {
	t     *testing.T
	path  ssmtest.Path
	store keyring.Store
	clock *clock
	log   *logBuffer
}

func newStack(t *testing.T) *stack {
	t.Helper()
	path := ssmtest.Fresh(t)
	return &stack{t: t, path: path, store: path.Client, clock: &clock{at: time.Unix(1_800_000_000, 0).UTC()}, log: &logBuffer{}}
}

func (s *stack) rotator(schedule keyring.Schedule) *keyring.Rotator {
	return keyring.NewRotator(s.store, s.path.Name, schedule, s.clock.now, rand.Reader, slog.New(slog.NewJSONHandler(s.log, nil)))
}

func (s *stack) rotate() {
	s.t.Helper()
	if err := s.rotator(schedule).Rotate(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) open() (*keyring.Ring, error) { return s.openFrom(s.store) }

func (s *stack) openFrom(reader keyring.Reader) (*keyring.Ring, error) {
	return keyring.Open(s.t.Context(), reader, keyring.Options{
		Path: s.path.Name, MaxAge: 5 * time.Minute, Now: s.clock.now, Log: slog.New(slog.NewJSONHandler(s.log, nil)),
	})
}

func (s *stack) mustOpen() *keyring.Ring {
	s.t.Helper()
	ring, err := s.open()
	if err != nil {
		s.t.Fatal(err)
	}
	return ring
}

// values returns the parameters by their names below the path.
func (s *stack) values() map[string]secret.String {
	s.t.Helper()
	all, err := s.path.Client.ReadBelow(s.t.Context(), s.path.Name)
	if err != nil {
		s.t.Fatal(err)
	}
	below := make(map[string]secret.String, len(all))
	for name, value := range all {
		below[strings.TrimPrefix(name, s.path.Name+"/")] = value
	}
	return below
}

func (s *stack) names() []string { return slices.Sorted(maps.Keys(s.values())) }

// isPrivate reports whether the parameter of an asymmetric key contains the private part.
func (s *stack) isPrivate(name string) bool {
	s.t.Helper()
	return strings.Contains(s.values()[name].Reveal(), `"d":`)
}

func (s *stack) put(name, value string) {
	s.t.Helper()
	if err := s.path.Client.Replace(s.t.Context(), s.path.Name+"/"+name, secret.New(value)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) remove(name string) {
	s.t.Helper()
	if err := s.path.Client.Delete(s.t.Context(), s.path.Name+"/"+name); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) wantNames(want ...string) {
	s.t.Helper()
	if got := s.names(); !slices.Equal(got, want) {
		s.t.Errorf("got the parameters %v, want %v", got, want)
	}
}

// access returns an access token with the lifetime of the schedule.
func (s *stack) access(ring *keyring.Ring) string {
	s.t.Helper()
	at := s.clock.now().Truncate(time.Second)
	token, err := keyring.NewAuthority(ring, issuer, issuer).SignAccess(session.AccessClaims{
		Subject: id.ID{1}, Session: id.ID{2}, ID: "1", IssuedAt: at, Expires: at.Add(schedule.SigningLife),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return token.Reveal()
}

func (s *stack) verify(ring *keyring.Ring, raw string) error {
	_, err := keyring.NewAuthority(ring, issuer, issuer).VerifyAccess(raw, s.clock.now())
	return err
}

func (s *stack) refresh(ring *keyring.Ring) string {
	s.t.Helper()
	token, err := ring.SealRefresh(ring.DerivingKey(), session.RefreshClaims{User: id.ID{1}, Session: id.ID{2}, Generation: 3})
	if err != nil {
		s.t.Fatal(err)
	}
	return token.Reveal()
}

// clock is a time that a test advances.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// logBuffer is a log in memory that is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *logBuffer) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// countingReader counts reads, and fails them while failure is set.
type countingReader struct {
	keyring.Reader
	mu      sync.Mutex
	reads   int
	failure error
}

// ReadBelow implements [keyring.Reader].
func (c *countingReader) ReadBelow(ctx context.Context, path string) (map[string]secret.String, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if c.failure != nil {
		return nil, c.failure
	}
	return c.Reader.ReadBelow(ctx, path)
}

// privateKey returns a new JWK for an algorithm.
func privateKey(t *testing.T, algorithm string) string {
	t.Helper()
	key, err := token.GenerateKey(rand.Reader, algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}
