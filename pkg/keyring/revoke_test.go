package keyring_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/keyring"
)

// TestRevocation shows for a key in each role that its tokens are refused after the revocation, also by functions that have
// read a key again, and that a successor exists.
func TestRevocation(t *testing.T) {
	for name, test := range map[string]struct {
		key     string
		access  bool // the earlier tokens are still accepted
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
			for _, step := range []time.Duration{0, 9 * day, 10 * day} { // the second keys are current, the third ones are next
				s.clock.advance(step)
				s.rotate()
			}
			running := s.mustOpen()
			access, refresh := s.access(running), s.refresh(running)
			before := s.values()[test.key].Reveal()
			for range 2 { // the second time changes nothing
				if err := s.rotator(schedule).Revoke(t.Context(), test.key); err != nil {
					t.Fatal(err)
				}
			}
			s.clock.advance(schedule.Notice)
			running.Fresh(t.Context())
			for which, ring := range map[string]*keyring.Ring{"running": running, "new": s.mustOpen()} {
				_, refreshErr := ring.OpenRefresh(refresh)
				accessErr := s.verify(ring, access)
				if (accessErr == nil) != test.access || (refreshErr == nil) != test.refresh {
					t.Errorf("%s function: got %v for the access token, %v for the refresh token; want accepted: %v, %v",
						which, accessErr, refreshErr, test.access, test.refresh)
				}
				if err := s.verify(ring, s.access(ring)); err != nil {
					t.Errorf("%s function: got the error %v for a new token, want it accepted", which, err)
				}
			}
			if got := strings.Join(s.names(), " "); got != test.names {
				t.Errorf("got the parameters %s\nwant               %s", got, test.names)
			}
			s.put(test.key, before) // as by a concurrent run that had read the key before
			ring := s.mustOpen()
			if _, err := ring.OpenRefresh(refresh); (s.verify(ring, access) == nil) != test.access || (err == nil) != test.refresh {
				t.Error("a revoked key that was written again is in use, want it ignored")
			}
			s.rotate()
			if slices.Contains(s.names(), test.key) {
				t.Errorf("after the next run %s exists, want it deleted", test.key)
			}
		})
	}
}

func TestARevocationIsDeletedWhenItsTokensHaveExpired(t *testing.T) {
	s := newStack(t)
	s.rotate()
	if err := s.rotator(schedule).Revoke(t.Context(), "signing/0001"); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(schedule.SigningLife + schedule.Settle)
	s.rotate()
	s.wantNames("deriving/0001", "deriving/0002", "signing/0002", "signing/0003")
}

func TestRevokeRefusesUnknownKeys(t *testing.T) {
	s := newStack(t)
	s.rotate()
	for _, name := range []string{"", "signing", "signing/0002", "signing/1", "../keys/signing/0001", "revoked/signing/0001"} {
		if err := s.rotator(schedule).Revoke(t.Context(), name); !errors.Is(err, keyring.ErrNoSuchKey) {
			t.Errorf("Revoke(%q) returned the error %v, want %v", name, err, keyring.ErrNoSuchKey)
		}
	}
	s.wantNames("deriving/0001", "signing/0001")
}
