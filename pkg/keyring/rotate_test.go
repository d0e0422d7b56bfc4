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

func TestFirstKeysCountAtOnce(t *testing.T) {
	for _, algorithm := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			s := newStack(t)
			if _, err := s.open(); err == nil || !strings.Contains(err.Error(), "there is no signing key below "+s.path.Name) {
				t.Fatalf("opened without keys: %v", err)
			}
			with := schedule
			with.Algorithm = algorithm
			for range 2 { // a second run finds nothing to do
				if err := s.rotator(with).Rotate(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.wantNames("deriving/0001", "signing/0001")
			}
			ring := s.mustOpen()
			if err := s.verify(ring, s.access(ring)); err != nil {
				t.Error(err)
			}
			if !strings.Contains(string(ring.PublicJWKS()), `"alg":"`+algorithm+`"`) {
				t.Errorf("published: %s", ring.PublicJWKS())
			}
		})
	}
}

// made is something that a key has made, and until when it must be accepted.
type made struct {
	raw     string
	at, end time.Time
}

// TestNothingIsRefusedWhileItLives lets a hundred days pass in steps of twelve hours, with a run of the rotation each day. One
// function lives through all of it, another starts at each step; what either makes, both accept, until it expires.
func TestNothingIsRefusedWhileItLives(t *testing.T) {
	s := newStack(t)
	s.rotate()
	old := s.mustOpen()
	var access, refresh []made
	published := map[string]time.Time{} // since when, by kid
	signers := map[string]bool{}
	for step := range 200 {
		if step%2 == 0 {
			s.rotate()
		}
		old.Fresh(t.Context())
		young := s.mustOpen()
		now := s.clock.now()
		notePublished(t, young, published, now)
		for _, ring := range []*keyring.Ring{old, young} {
			token := s.access(ring)
			signers[kidOf(t, token)] = true
			if since := published[kidOf(t, token)]; len(signers) > 1 && now.Sub(since) < schedule.Notice {
				t.Fatalf("day %d: a key signs %v after it was published", step/2, now.Sub(since))
			}
			access = append(access, made{token, now, now.Add(schedule.SigningLife)})
			refresh = append(refresh, made{s.refresh(ring), now, now.Add(schedule.DerivingLife)})
		}
		access, refresh = alive(access, now), alive(refresh, now)
		for _, ring := range []*keyring.Ring{old, young} {
			authority := keyring.NewAuthority(ring, issuer, issuer)
			for _, each := range access {
				if _, err := authority.VerifyAccess(each.raw, now); err != nil {
					t.Fatalf("day %d: an access token of %v is refused: %v", step/2, each.at, err)
				}
			}
			for _, each := range refresh {
				if _, err := ring.OpenRefresh(each.raw); err != nil {
					t.Fatalf("day %d: a refresh token of %v is refused: %v", step/2, each.at, err)
				}
			}
		}
		checkHeld(t, s)
		s.clock.pass(12 * time.Hour)
	}
	if len(signers) < 10 {
		t.Errorf("in a hundred days %d keys have signed", len(signers))
	}
}

func alive(all []made, now time.Time) []made {
	return slices.DeleteFunc(all, func(m made) bool { return !now.Before(m.end) })
}

func notePublished(t *testing.T, ring *keyring.Ring, published map[string]time.Time, now time.Time) {
	t.Helper()
	for _, kid := range publishedKeys(t, ring) {
		if _, known := published[kid]; !known {
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

// checkHeld demands that keys go when they are needed no more, and that few signing keys are private.
func checkHeld(t *testing.T, s *stack) {
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
	// Those in use, the next one, and as many as fit into the life of what a key makes; those that Settle keeps for a day more.
	if signing > 5 || private > 3 || deriving > 7 {
		t.Errorf("at %v there are %d signing keys, %d of them private, and %d deriving keys", s.clock.now(), signing, private, deriving)
	}
}

func TestAPreviousKeyKeepsItsPublicPartOnly(t *testing.T) {
	s := newStack(t)
	s.rotate()
	ring := s.mustOpen()
	old := s.access(ring)
	s.clock.pass(9 * day)
	s.rotate()
	s.wantNames("deriving/0001", "deriving/0002", "signing/0001", "signing/0002")
	s.clock.pass(day + schedule.Settle - time.Minute)
	s.rotate()
	if !s.isPrivate("signing/0001") {
		t.Error("a function may still sign with it")
	}
	s.clock.pass(time.Minute)
	s.rotate()
	if s.isPrivate("signing/0001") || !s.isPrivate("signing/0002") {
		t.Error("the previous key is private, or the current one is not")
	}
	if s.verify(s.mustOpen(), old) != nil {
		t.Error("the previous key does not verify")
	}
}

// TestManyRotationsAtOnce, when something of every kind is due: nobody fails, and one has done each thing.
func TestManyRotationsAtOnce(t *testing.T) {
	s := newStack(t)
	for _, state := range []struct {
		pass  time.Duration
		names string
	}{
		{0, "deriving/0001 signing/0001"},
		{9 * day, "deriving/0001 deriving/0002 signing/0001 signing/0002"},
		{10 * day, "deriving/0001 deriving/0002 deriving/0003 signing/0001 signing/0002 signing/0003"},
		{4 * day, "deriving/0001 deriving/0002 deriving/0003 signing/0002 signing/0003"},
	} {
		s.clock.pass(state.pass)
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
			t.Errorf("on %v: %s\nwant %s", s.clock.now(), got, state.names)
		}
	}
}

// mortal is a store whose user dies when it has made so many writes.
type mortal struct {
	keyring.Store
	writes int
}

var errDead = errors.New("died")

func (m *mortal) write() error {
	if m.writes == 0 {
		return errDead
	}
	m.writes--
	return nil
}

// Create implements [keyring.Store].
func (m *mortal) Create(ctx context.Context, name string, value secret.String) (bool, error) {
	if err := m.write(); err != nil {
		return false, err
	}
	return m.Store.Create(ctx, name, value)
}

// Replace implements [keyring.Store].
func (m *mortal) Replace(ctx context.Context, name string, value secret.String) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Store.Replace(ctx, name, value)
}

// Delete implements [keyring.Store].
func (m *mortal) Delete(ctx context.Context, name string) error {
	if err := m.write(); err != nil {
		return err
	}
	return m.Store.Delete(ctx, name)
}

// TestARunThatDiesIsFinishedByTheNext: a run with everything to do (raise, create, strip, drop, finish a revocation) is stopped
// after each of its writes. The functions find a whole key set, and the next run brings about what one run would have.
func TestARunThatDiesIsFinishedByTheNext(t *testing.T) {
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
		s.store = &mortal{Store: s.path.Client, writes: writes}
		err := s.rotator(longer).Rotate(t.Context())
		s.store = s.path.Client
		after := s.mustOpen()
		if s.verify(after, access) != nil {
			t.Errorf("after %d writes an access token is refused", writes)
		}
		if _, err := after.OpenRefresh(refresh); err != nil {
			t.Errorf("after %d writes a refresh token is refused", writes)
		}
		if err == nil {
			if writes < 6 {
				t.Errorf("a run with everything to do makes %d writes", writes)
			}
			return
		}
		if !errors.Is(err, errDead) {
			t.Fatal(err)
		}
		if err := s.rotator(longer).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := states(t, s); !slices.Equal(got, want) {
			t.Errorf("dying after %d writes leads to\n%v\nwant\n%v", writes, got, want)
		}
	}
}

// busyStack is one whose next rotation has something of each kind to do.
func busyStack(t *testing.T) *stack {
	t.Helper()
	s := newStack(t)
	for _, pass := range []time.Duration{0, 9 * day, 10 * day} {
		s.clock.pass(pass)
		s.rotate()
	}
	if err := s.rotator(schedule).Revoke(t.Context(), "deriving/0001"); err != nil {
		t.Fatal(err)
	}
	revived := s.values()["deriving/0002"].Reveal()
	s.put("deriving/0001", revived) // a run that had read it before has written it since
	s.clock.pass(4 * day)
	return s
}

// states are the parameters as far as they do not depend on chance.
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

func TestAnotherAlgorithmIsTheNextKeys(t *testing.T) {
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
	s.clock.pass(schedule.Notice + time.Second)
	after := s.access(ring)
	if kidOf(t, before) == kidOf(t, after) || s.verify(s.mustOpen(), before) != nil || s.verify(s.mustOpen(), after) != nil {
		t.Error("the key did not change, or what one of the two made is refused")
	}
}

// TestALongerLifeKeepsKeysLonger, and a shorter one does not take back what was promised.
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
		t.Error("the key does not say thirty days")
	}
	for _, pass := range []time.Duration{9 * day, 29 * day} {
		s.clock.pass(pass)
		if err := s.rotator(shorter).Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Contains(s.names(), "signing/0001") {
		t.Error("the key is gone while what it made lives")
	}
}
