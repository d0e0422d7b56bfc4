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

// TestBrokenParameters: a function does not start and says why, one that runs goes on with what it has, and the rotation
// fails. Nobody tells a value.
func TestBrokenParameters(t *testing.T) {
	dated := func(key string) string {
		return fmt.Sprintf(`{"key":%s,"from":"2026-01-01T00:00:00Z","life_seconds":1}`, key)
	}
	for name, test := range map[string]struct {
		spoil func(*stack)
		want  string // in the error
	}{
		"deriving keys missing": {func(s *stack) { s.remove("deriving/0001") }, "there is no deriving key"},
		"signing keys missing":  {func(s *stack) { s.remove("signing/0001") }, "there is no signing key"},
		"no JSON":               {func(s *stack) { s.put("signing/0001", "SECRETSECRET") }, "signing/0001: is no key with its dates"},
		"a bare JWK":            {func(s *stack) { s.put("signing/0001", privateKey(t, "ES256")) }, "signing/0001: "},
		"no dates": {func(s *stack) { s.put("signing/0001", `{"key":`+privateKey(t, "ES256")+`}`) },
			"signing/0001: has no dates"},
		"a symmetric key that should sign": {func(s *stack) { s.put("signing/0002", dated(privateKey(t, "HS256"))) },
			"signing/0002: holds a key of HS256"},
		"an asymmetric key that should derive": {func(s *stack) { s.put("deriving/0002", dated(privateKey(t, "ES256"))) },
			"deriving/0002: holds a key of ES256"},
		"another algorithm": {func(s *stack) { s.put("signing/0002", dated(`{"kty":"EC","alg":"ES384","kid":"a"}`)) },
			"signing/0002: reading a key: alg is none of"},
		"a kid twice": {func(s *stack) { s.put("signing/0002", s.values()["signing/0001"].Reveal()) },
			"signing/0001: kid equals the kid of an earlier key"},
		"material that does not fit": {func(s *stack) {
			s.put("signing/0001", strings.Replace(s.values()["signing/0001"].Reveal(), `"x":"`, `"x":"AAAA`, 1))
		}, "signing/0001: x is not 32 bytes long"},
		"a weak key": {func(s *stack) { s.put("deriving/0001", dated(`{"kty":"oct","alg":"HS256","kid":"a","k":"c2hvcnQ"}`)) },
			"deriving/0001: k is shorter than 32 bytes"},
		"a revocation that is none": {func(s *stack) { s.put("revoked/signing/0001", "{}") }, "revoked/signing/0001: is no revocation"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			s.rotate()
			running := s.mustOpen()
			access := s.access(running)
			test.spoil(s)
			ring, err := s.open()
			if ring != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("opening: %v", err)
			}
			s.clock.pass(time.Hour)
			running.Fresh(t.Context())
			if err := s.verify(running, access); err != nil {
				t.Errorf("a function that runs: %v", err)
			}
			if !strings.Contains(s.log.String(), "stay as they were") {
				t.Error("nothing is logged")
			}
			if strings.Contains(fmt.Sprint(err)+s.log.String(), "SECRET") {
				t.Error("a value is told")
			}
		})
	}
}

func TestBrokenKeysStopTheRotation(t *testing.T) {
	s := newStack(t)
	s.rotate()
	s.put("signing/0001", "SECRETSECRET")
	err := s.rotator(schedule).Rotate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "signing/0001: is no key") || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("the error is %v", err)
	}
	s.wantNames("deriving/0001", "signing/0001")
}

// TestForeignParameters are told and let be: by functions, by the rotation, and when the keys are deleted.
func TestForeignParameters(t *testing.T) {
	s := newStack(t)
	foreign := []string{"note", "signing/1", "signing/00001", "signing/0000", "signing/-001", "signing/0001/x", "other/0001", "revoked/note"}
	for _, name := range foreign {
		s.put(name, "SECRETSECRET")
	}
	s.rotate()
	ring := s.mustOpen()
	if err := s.verify(ring, s.access(ring)); err != nil {
		t.Error(err)
	}
	if log := s.log.String(); !strings.Contains(log, s.path.Name+"/other/0001") || strings.Contains(log, "SECRET") {
		t.Errorf("the log says %s", log)
	}
	if err := s.rotator(schedule).Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.names(); len(got) != len(foreign) {
		t.Errorf("after the deletion there are %v", got)
	}
}

func TestAnOldSetIsReadAgain(t *testing.T) {
	s := newStack(t)
	s.rotate()
	reader := &counted{Reader: s.store}
	ring, err := s.openFrom(reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		pass     time.Duration
		readings int
	}{{0, 1}, {5*time.Minute - 1, 1}, {1, 2}, {0, 2}, {5 * time.Minute, 3}} {
		s.clock.pass(step.pass)
		ring.Fresh(t.Context())
		if reader.readings != step.readings {
			t.Errorf("%v later there were %d readings, want %d", step.pass, reader.readings, step.readings)
		}
	}
}

// TestAStoreThatIsAway costs a try now and then and nothing else.
func TestAStoreThatIsAway(t *testing.T) {
	s := newStack(t)
	s.rotate()
	reader := &counted{Reader: s.store}
	ring, err := s.openFrom(reader)
	if err != nil {
		t.Fatal(err)
	}
	reader.failure = errors.New("away")
	s.clock.pass(5 * time.Minute)
	for range 100 {
		ring.Fresh(t.Context())
	}
	if reader.readings != 2 || s.verify(ring, s.access(ring)) != nil {
		t.Errorf("%d readings", reader.readings)
	}
	s.clock.pass(30 * time.Second)
	reader.failure = nil
	if ring.Fresh(t.Context()); reader.readings != 3 {
		t.Errorf("%d readings after a pause", reader.readings)
	}
}

// TestAnUnknownKeyIsLookedFor: what a key has made that was read by others only is accepted; a flood of forgeries costs one
// reading in a while.
func TestAnUnknownKeyIsLookedFor(t *testing.T) {
	s := newStack(t)
	s.rotate()
	reader := &counted{Reader: s.store}
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
			t.Fatalf("a forgery: %v", err)
		}
	}
	if reader.readings != 1 {
		t.Errorf("%d readings at once after the start", reader.readings)
	}
	s.clock.pass(time.Minute)
	for _, name := range []string{"signing/0001", "deriving/0001"} {
		if err := s.rotator(schedule).Revoke(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	newer := s.mustOpen()
	if err := s.verify(ring, s.access(newer)); err != nil {
		t.Errorf("an access token of a key that is new: %v", err)
	}
	if _, err := ring.OpenRefresh(s.refresh(newer)); err != nil {
		t.Errorf("a refresh token of a key that is new: %v", err)
	}
	if err := s.verify(ring, forged); !errors.Is(err, token.ErrInvalid) || reader.readings != 2 {
		t.Errorf("a forgery: %v, %d readings", err, reader.readings)
	}
	if _, err := ring.OpenRefresh(elsewhere.refresh(other)); !errors.Is(err, token.ErrInvalid) || reader.readings != 2 {
		t.Errorf("a forgery: %v, %d readings", err, reader.readings)
	}
}
