package keyring_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/keyring"
)

// TestRevocation: whatever part a key plays, what it made is refused afterwards, by functions that read the keys again too,
// and there is a key to go on with.
func TestRevocation(t *testing.T) {
	for name, test := range map[string]struct {
		key     string
		access  bool // the tokens made before are accepted afterwards
		refresh bool
		names   string
	}{
		"the current signing key": {"signing/0002", false, true,
			"deriving/0001 deriving/0002 deriving/0003 revoked/signing/0002 signing/0001 signing/0003 signing/0004"},
		"the current deriving key": {"deriving/0002", true, false,
			"deriving/0001 deriving/0003 deriving/0004 revoked/deriving/0002 signing/0001 signing/0002 signing/0003"},
		"the next signing key": {"signing/0003", true, true,
			"deriving/0001 deriving/0002 deriving/0003 revoked/signing/0003 signing/0001 signing/0002 signing/0004"},
		"a previous signing key": {"signing/0001", true, true,
			"deriving/0001 deriving/0002 deriving/0003 revoked/signing/0001 signing/0002 signing/0003"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			for _, pass := range []time.Duration{0, 9 * day, 10 * day} { // second keys are in use, third ones are next
				s.clock.pass(pass)
				s.rotate()
			}
			running := s.mustOpen()
			access, refresh := s.access(running), s.refresh(running)
			before := s.values()[test.key].Reveal()
			for range 2 { // a repetition changes nothing
				if err := s.rotator(schedule).Revoke(t.Context(), test.key); err != nil {
					t.Fatal(err)
				}
			}
			s.clock.pass(schedule.Notice)
			running.Fresh(t.Context())
			for which, ring := range map[string]*keyring.Ring{"running": running, "new": s.mustOpen()} {
				_, refused := ring.OpenRefresh(refresh)
				if (s.verify(ring, access) == nil) != test.access || (refused == nil) != test.refresh {
					t.Errorf("%s function: access token %v, refresh token %v", which, s.verify(ring, access), refused)
				}
				if err := s.verify(ring, s.access(ring)); err != nil {
					t.Errorf("%s function: %v", which, err)
				}
			}
			if got := strings.Join(s.names(), " "); got != test.names {
				t.Errorf("the parameters are %s\nwant               %s", got, test.names)
			}
			s.put(test.key, before) // by a run that had read it before
			ring := s.mustOpen()
			if _, err := ring.OpenRefresh(refresh); (s.verify(ring, access) == nil) != test.access || (err == nil) != test.refresh {
				t.Error("a key that was written again counts again")
			}
			s.rotate()
			if slices.Contains(s.names(), test.key) {
				t.Error("the next run leaves it there")
			}
		})
	}
}

func TestARevocationIsForgottenWhenItsKeyWouldBeGone(t *testing.T) {
	s := newStack(t)
	s.rotate()
	if err := s.rotator(schedule).Revoke(t.Context(), "signing/0001"); err != nil {
		t.Fatal(err)
	}
	s.clock.pass(schedule.SigningLife + schedule.Settle)
	s.rotate()
	s.wantNames("deriving/0001", "deriving/0002", "signing/0002", "signing/0003")
}

func TestNoKeyOfThatNameIsRevoked(t *testing.T) {
	s := newStack(t)
	s.rotate()
	for _, name := range []string{"", "signing", "signing/0002", "signing/1", "../keys/signing/0001", "revoked/signing/0001"} {
		if err := s.rotator(schedule).Revoke(t.Context(), name); !errors.Is(err, keyring.ErrNoSuchKey) {
			t.Errorf("%q: %v", name, err)
		}
	}
	s.wantNames("deriving/0001", "signing/0001")
}
