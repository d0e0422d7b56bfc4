package keyring_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"latchkey/pkg/keyring"
	"latchkey/pkg/secret"
)

func TestTheFirstKeysAreCurrentImmediately(t *testing.T) {
	for _, algorithm := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			s := newStack(t)
			if _, err := s.open(); err == nil || !strings.Contains(err.Error(), "there is no signing key below "+s.path.Name) {
				t.Fatalf("Open without keys returned the error %v, want the name of the missing key", err)
			}
			changed := schedule
			changed.Algorithm = algorithm
			for range 2 { // the second run has nothing to do
				if err := s.rotator(changed).Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.wantNames("deriving/0001", "signing/0001")
			}
			ring := s.mustOpen()
			if err := s.verify(ring, s.access(ring)); err != nil {
				t.Errorf("VerifyAccess returned the error %v, want the token accepted", err)
			}
			if !strings.Contains(string(ring.PublicJWKS()), `"alg":"`+algorithm+`"`) {
				t.Errorf("got the public keys %s, want one of %s", ring.PublicJWKS(), algorithm)
			}
		})
	}
}

// issued is a token, with the time at which a key created it and the time until which it must be accepted.
type issued struct {
	raw     string
	at, end time.Time
}

// TestTokensAreAcceptedUntilTheyExpire covers a hundred days in steps of twelve hours, with a run of the rotation each day. One
// function runs all the time, and another starts at each step. Each accepts the tokens of both until they expire.
func TestTokensAreAcceptedUntilTheyExpire(t *testing.T) {
	s := newStack(t)
	s.rotate()
	old := s.mustOpen()
	var access, refresh []issued
	published := map[string]time.Time{} // time of the first publication, by kid
	signers := map[string]bool{}
	for step := range 200 {
		if step%2 == 0 {
			s.rotate()
		}
		old.Fresh(t.Context())
		recent := s.mustOpen()
		now := s.clock.now()
		notePublished(t, recent, published, now)
		for _, ring := range []*keyring.Ring{old, recent} {
			token := s.access(ring)
			signers[kidOf(t, token)] = true
			if since := published[kidOf(t, token)]; len(signers) > 1 && now.Sub(since) < schedule.Notice {
				t.Fatalf("day %d: a key signs %v after its publication, want at least %v", step/2, now.Sub(since), schedule.Notice)
			}
			access = append(access, issued{token, now, now.Add(schedule.SigningLife)})
			refresh = append(refresh, issued{s.refresh(ring), now, now.Add(schedule.DerivingLife)})
		}
		access, refresh = alive(access, now), alive(refresh, now)
		for _, ring := range []*keyring.Ring{old, recent} {
			authority := keyring.NewAuthority(ring, issuer, issuer)
			for _, each := range access {
				if _, err := authority.VerifyAccess(each.raw, now); err != nil {
					t.Fatalf("day %d: an access token of %v is refused: %v; want it accepted", step/2, each.at, err)
				}
			}
			for _, each := range refresh {
				if _, err := ring.OpenRefresh(each.raw); err != nil {
					t.Fatalf("day %d: a refresh token of %v is refused: %v; want it accepted", step/2, each.at, err)
				}
			}
		}
		checkCount(t, s)
		s.clock.advance(12 * time.Hour)
	}
	if len(signers) < 10 {
		t.Errorf("in a hundred days %d keys signed, want at least 10", len(signers))
	}
}

func alive(all []issued, now time.Time) []issued {
	return slices.DeleteFunc(all, func(m issued) bool { return !now.Before(m.end) })
}

func notePublished(t *testing.T, ring *keyring.Ring, published map[string]time.Time, now time.Time) {
	t.Helper()
	for _, kid := range publishedKeys(t, ring) {
		if _, found := published[kid]; !found {
			published[kid] = now
		}
	}
}

func publishedKeys(t *testing.T, ring *keyring.Ring) []string {
	t.Helper()
	var set struct {
		Keys []struct {
			KeyID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(ring.PublicJWKS(), &set); err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, key := range set.Keys {
		kids = append(kids, key.KeyID)
	}
	return kids
}

// checkCount requires that old keys are deleted, and that few signing keys are private.
func checkCount(t *testing.T, s *stack) {
	t.Helper()
	signing, private, deriving := 0, 0, 0
	for name, value := range s.values() {
		switch {
		case strings.HasPrefix(name, "deriving/"):
			deriving++
		case strings.Contains(value.Reveal(), `"d":`):
			private++
			fallthrough
		default:
			signing++
		}
	}
	// The current key, the next one, those with live tokens, and those that Settle keeps for another day.
	if signing > 5 || private > 3 || deriving > 7 {
		t.Errorf("at %v: got %d signing keys, %d of them private, and %d deriving keys; want at most 5, 3 and 7",
			s.clock.now(), signing, private, deriving)
	}
}

func TestAPreviousKeyKeepsOnlyItsPublicPart(t *testing.T) {
	s := newStack(t)
	s.rotate()
	ring := s.mustOpen()
	old := s.access(ring)
	s.clock.advance(9 * day)
	s.rotate()
	s.wantNames("deriving/0001", "deriving/0002", "signing/0001", "signing/0002")
	s.clock.advance(day + schedule.Settle - time.Minute)
	s.rotate()
	if !s.isPrivate("signing/0001") {
		t.Error("the previous key has lost its private part while a function may still sign with it")
	}
	s.clock.advance(time.Minute)
	s.rotate()
	if s.isPrivate("signing/0001") || !s.isPrivate("signing/0002") {
		t.Error("got a private previous key or a public current one, want the reverse")
	}
	if s.verify(s.mustOpen(), old) != nil {
		t.Error("the previous key refuses its token, want it accepted")
	}
}

// TestConcurrentRotations runs eight rotations at once when something of each kind is due. None fails, and each step is done
// once.
func TestConcurrentRotations(t *testing.T) {
	s := newStack(t)
	for _, state := range []struct {
		advance time.Duration
		names   string
	}{
		{0, "deriving/0001 signing/0001"},
		{9 * day, "deriving/0001 deriving/0002 signing/0001 signing/0002"},
		{10 * day, "deriving/0001 deriving/0002 deriving/0003 signing/0001 signing/0002 signing/0003"},
		{4 * day, "deriving/0001 deriving/0002 deriving/0003 signing/0002 signing/0003"},
	} {
		s.clock.advance(state.advance)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := s.rotator(schedule).Rotate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := strings.Join(s.names(), " "); got != state.names {
			t.Errorf("at %v: got the parameters %s\nwant %s", s.clock.now(), got, state.names)
		}
	}
}

// failingStore fails after the given number of writes, as if the process had died.
type failingStore struct {
	keyring.Store
	writes int
}

var errStopped = errors.New("stopped")

func (m *failingStore) write() error {
	if m.writes == 0 {
		return errStopped
	}
	m.writes--
	return nil
}

// Create implements [keyring.Store].
func (m *failingStore) Create(ctx context.Context, name string, value secret.String) (bool, error) {
	if err := m.write(); err != nil {
		return false, err
	}
	return m.Store.Create(ctx, name, value)
}

// Replace implements [keyring.Store].
func (m *failingStore) Replace(ctx context.Context, name string, value secret.String) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Store.Replace(ctx, name, value)
}

// Delete implements [keyring.Store].
func (m *failingStore) Delete(ctx context.Context, name string) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Store.Delete(ctx, name)
}

// TestAnInterruptedRunIsCompletedByTheNext interrupts a run that has everything to do (raise, create, strip, delete, complete a
// revocation) after each of its writes. Functions find a complete key set, and the next run reaches the state of a complete run.
func TestAnInterruptedRunIsCompletedByTheNext(t *testing.T) {
	longer := schedule
	longer.Algorithm, longer.SigningLife, longer.DerivingLife = "EdDSA", 13*day, 50*day
	whole := busyStack(t)
	if err := whole.rotator(longer).Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := states(t, whole)
	for writes := 0; ; writes++ {
		s := busyStack(t)
		before := s.mustOpen()
		access, refresh := s.access(before), s.refresh(before)
		s.store = &failingStore{Store: s.path.Client, writes: writes}
		err := s.rotator(longer).Rotate(t.Context())
		s.store = s.path.Client
		after := s.mustOpen()
		if s.verify(after, access) != nil {
			t.Errorf("after %d writes an access token is refused, want it accepted", writes)
		}
		if _, err := after.OpenRefresh(refresh); err != nil {
			t.Errorf("after %d writes a refresh token is refused, want it accepted", writes)
		}
		if err == nil {
			if writes < 6 {
				t.Errorf("got %d writes in a run with everything to do, want at least 6", writes)
			}
			return
		}
		if !errors.Is(err, errStopped) {
			t.Fatal(err)
		}
		if err := s.rotator(longer).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := states(t, s); !slices.Equal(got, want) {
			t.Errorf("interrupted after %d writes: got\n%v\nwant\n%v", writes, got, want)
		}
	}
}

// busyStack returns a stack with something of each kind to do in its next rotation.
func busyStack(t *testing.T) *stack {
	t.Helper()
	s := newStack(t)
	for _, step := range []time.Duration{0, 9 * day, 10 * day} {
		s.clock.advance(step)
		s.rotate()
	}
	if err := s.rotator(schedule).Revoke(t.Context(), "deriving/0001"); err != nil {
		t.Fatal(err)
	}
	copied := s.values()["deriving/0002"].Reveal()
	s.put("deriving/0001", copied) // as by a concurrent run that had read the key before
	s.clock.advance(4 * day)
	return s
}

// states returns the parameters without their random parts.
func states(t *testing.T, s *stack) []string {
	t.Helper()
	var all []string
	for name, value := range s.values() {
		var dates struct {
			From  time.Time `json:"from"`
			Life  int64     `json:"life_seconds"`
			Until time.Time `json:"until"`
		}
		if err := json.Unmarshal([]byte(value.Reveal()), &dates); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintln(name, dates.From, dates.Life, dates.Until, strings.Contains(value.Reveal(), `"d":`)))
	}
	slices.Sort(all)
	return all
}

func TestANewAlgorithmAppliesToTheNextKey(t *testing.T) {
	s := newStack(t)
	s.rotate()
	changed := schedule
	changed.Algorithm = "EdDSA"
	for range 2 {
		if err := s.rotator(changed).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.wantNames("deriving/0001", "signing/0001", "signing/0002")
	ring := s.mustOpen()
	before := s.access(ring)
	s.clock.advance(schedule.Notice + time.Second)
	after := s.access(ring)
	if kidOf(t, before) == kidOf(t, after) || s.verify(s.mustOpen(), before) != nil || s.verify(s.mustOpen(), after) != nil {
		t.Error("got the same key or a refused token, want another key and both tokens accepted")
	}
}

// TestALongerLifeKeepsKeysLonger also shows that a shorter life does not shorten the life of existing tokens.
func TestALongerLifeKeepsKeysLonger(t *testing.T) {
	s := newStack(t)
	longer, shorter := schedule, schedule
	longer.SigningLife, shorter.SigningLife = 30*day, day
	for _, each := range []keyring.Schedule{schedule, longer, shorter} {
		if err := s.rotator(each).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.values()["signing/0001"].Reveal(); !strings.Contains(got, `"life_seconds":2592000`) {
		t.Errorf("got the parameter %s, want a life of thirty days", got)
	}
	for _, step := range []time.Duration{9 * day, 29 * day} {
		s.clock.advance(step)
		if err := s.rotator(shorter).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Contains(s.names(), "signing/0001") {
		t.Error("the key is deleted while a token of it is valid")
	}
}
