package keyring_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"latchkey/pkg/token"
)

func kidOf(t *testing.T, access string) string {
	t.Helper()
	first, _, _ := strings.Cut(access, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	return header.KeyID
}

// TestBrokenParameters shows that a function does not start and reports the cause, and that a running function keeps its keys.
// No error and no log line contains a value.
func TestBrokenParameters(t *testing.T) {
	dated := func(key string) string {
		return fmt.Sprintf(`{"key":%s,"from":"2026-01-01T00:00:00Z","life_seconds":1}`, key)
	}
	for name, test := range map[string]struct {
		change func(*stack)
		want   string // part of the error
	}{
		"deriving keys missing": {func(s *stack) { s.remove("deriving/0001") }, "there is no deriving key"},
		"signing keys missing":  {func(s *stack) { s.remove("signing/0001") }, "there is no signing key"},
		"not JSON":              {func(s *stack) { s.put("signing/0001", "SECRETSECRET") }, "signing/0001: is not a key with its dates"},
		"a bare JWK":            {func(s *stack) { s.put("signing/0001", privateKey(t, "ES256")) }, "signing/0001: "},
		"no dates": {func(s *stack) { s.put("signing/0001", `{"key":`+privateKey(t, "ES256")+`}`) },
			"signing/0001: has no dates"},
		"a symmetric signing key": {func(s *stack) { s.put("signing/0002", dated(privateKey(t, "HS256"))) },
			"signing/0002: contains a key of HS256"},
		"an asymmetric deriving key": {func(s *stack) { s.put("deriving/0002", dated(privateKey(t, "ES256"))) },
			"deriving/0002: contains a key of ES256"},
		"another algorithm": {func(s *stack) { s.put("signing/0002", dated(`{"kty":"EC","alg":"ES384","kid":"a"}`)) },
			"signing/0002: reading a key: alg is none of"},
		"a kid twice": {func(s *stack) { s.put("signing/0002", s.values()["signing/0001"].Reveal()) },
			"signing/0001: kid equals the kid of an earlier key"},
		"invalid material": {func(s *stack) {
			s.put("signing/0001", strings.Replace(s.values()["signing/0001"].Reveal(), `"x":"`, `"x":"AAAA`, 1))
		}, "signing/0001: x is not 32 bytes long"},
		"a weak key": {func(s *stack) { s.put("deriving/0001", dated(`{"kty":"oct","alg":"HS256","kid":"a","k":"c2hvcnQ"}`)) },
			"deriving/0001: k is shorter than 32 bytes"},
		"an invalid revocation": {func(s *stack) { s.put("revoked/signing/0001", "{}") }, "revoked/signing/0001: is not a revocation"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			s.rotate()
			running := s.mustOpen()
			access := s.access(running)
			test.change(s)
			ring, err := s.open()
			if ring != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open returned the error %v, want %q in it", err, test.want)
			}
			s.clock.advance(time.Hour)
			running.Fresh(t.Context())
			if err := s.verify(running, access); err != nil {
				t.Errorf("a running function refused its token: %v, want it accepted", err)
			}
			if !strings.Contains(s.log.String(), "the former ones stay in use") {
				t.Errorf("got the log %q, want an error that the keys could not be read", s.log)
			}
			if strings.Contains(fmt.Sprint(err)+s.log.String(), "SECRET") {
				t.Errorf("the error %q or the log %q contains a value", err, s.log)
			}
		})
	}
}

func TestBrokenKeysStopTheRotation(t *testing.T) {
	s := newStack(t)
	s.rotate()
	s.put("signing/0001", "SECRETSECRET")
	err := s.rotator(schedule).Rotate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "signing/0001: is not a key") || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("Rotate returned the error %v, want the name of the parameter without its value", err)
	}
	s.wantNames("deriving/0001", "signing/0001")
}

// TestForeignParameters shows that functions, the rotation and Destroy log unknown parameters and do not change them.
func TestForeignParameters(t *testing.T) {
	s := newStack(t)
	foreign := []string{"note", "signing/1", "signing/00001", "signing/0000", "signing/-001", "signing/0001/x", "other/0001", "revoked/note"}
	for _, name := range foreign {
		s.put(name, "SECRETSECRET")
	}
	s.rotate()
	ring := s.mustOpen()
	if err := s.verify(ring, s.access(ring)); err != nil {
		t.Errorf("VerifyAccess returned the error %v, want the token accepted", err)
	}
	if log := s.log.String(); !strings.Contains(log, s.path.Name+"/other/0001") || strings.Contains(log, "SECRET") {
		t.Errorf("got the log %s, want the names of the parameters without values", log)
	}
	if err := s.rotator(schedule).Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.names(); len(got) != len(foreign) {
		t.Errorf("after Destroy: got the parameters %v, want the %d unknown ones", got, len(foreign))
	}
}

func TestAnOldKeySetIsReadAgain(t *testing.T) {
	s := newStack(t)
	s.rotate()
	reader := &countingReader{Reader: s.store}
	ring, err := s.openFrom(reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		advance time.Duration
		reads   int
	}{{0, 1}, {5*time.Minute - 1, 1}, {1, 2}, {0, 2}, {5 * time.Minute, 3}} {
		s.clock.advance(step.advance)
		ring.Fresh(t.Context())
		if reader.reads != step.reads {
			t.Errorf("%v later: got %d reads, want %d", step.advance, reader.reads, step.reads)
		}
	}
}

// TestAnUnavailableStore shows that a failing store costs one attempt per pause and changes nothing else.
func TestAnUnavailableStore(t *testing.T) {
	s := newStack(t)
	s.rotate()
	reader := &countingReader{Reader: s.store}
	ring, err := s.openFrom(reader)
	if err != nil {
		t.Fatal(err)
	}
	reader.failure = errors.New("unavailable")
	s.clock.advance(5 * time.Minute)
	for range 100 {
		ring.Fresh(t.Context())
	}
	if err := s.verify(ring, s.access(ring)); err != nil || reader.reads != 2 {
		t.Errorf("got %d reads and the error %v, want 2 reads and the token accepted", reader.reads, err)
	}
	s.clock.advance(30 * time.Second)
	reader.failure = nil
	if ring.Fresh(t.Context()); reader.reads != 3 {
		t.Errorf("after the pause: got %d reads, want 3", reader.reads)
	}
}

// TestAnUnknownKeyIsRead shows that a token of a key that only other functions have read is accepted, and that a flood of
// forged tokens costs one read per pause.
func TestAnUnknownKeyIsRead(t *testing.T) {
	s := newStack(t)
	s.rotate()
	reader := &countingReader{Reader: s.store}
	ring, err := s.openFrom(reader)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := newStack(t)
	elsewhere.rotate()
	other := elsewhere.mustOpen()
	forged := elsewhere.access(other)
	for range 100 {
		if err := s.verify(ring, forged); !errors.Is(err, token.ErrInvalid) {
			t.Fatalf("a forged token: got the error %v, want ErrInvalid", err)
		}
	}
	if reader.reads != 1 {
		t.Errorf("right after the start: got %d reads, want 1", reader.reads)
	}
	s.clock.advance(time.Minute)
	for _, name := range []string{"signing/0001", "deriving/0001"} {
		if err := s.rotator(schedule).Revoke(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	newer := s.mustOpen()
	if err := s.verify(ring, s.access(newer)); err != nil {
		t.Errorf("an access token of a new key: got the error %v, want it accepted", err)
	}
	if _, err := ring.OpenRefresh(s.refresh(newer)); err != nil {
		t.Errorf("a refresh token of a new key: got the error %v, want it accepted", err)
	}
	if err := s.verify(ring, forged); !errors.Is(err, token.ErrInvalid) || reader.reads != 2 {
		t.Errorf("a forged access token: got the error %v after %d reads, want ErrInvalid after 2", err, reader.reads)
	}
	if _, err := ring.OpenRefresh(elsewhere.refresh(other)); !errors.Is(err, token.ErrInvalid) || reader.reads != 2 {
		t.Errorf("a forged refresh token: got the error %v after %d reads, want ErrInvalid after 2", err, reader.reads)
	}
}
