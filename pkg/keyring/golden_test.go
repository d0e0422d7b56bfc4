package keyring_test

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
)

var updateGolden = flag.Bool("update-golden", false, "record "+goldenFile+" with the code under test, in place of a former version")

// goldenFile holds the parameters of a stack as the code of commit cd1aac7 wrote them, and what its keys had issued. The keys
// are public test data. No stack may use them.
const goldenFile = "testdata/golden-test-only.json"

// golden is the content of goldenFile.
type golden struct {
	At         time.Time
	Parameters map[string]string // by name below the path
	Names      []string          // of the parameters after the next run of the rotation
	Current    string            // kid that signs at that time
	Access     []string
	Refresh    []string
	Links      []string // verification links of one mail
	Devices    []string
}

// issue adds one of each token.
func (g *golden) issue(s *stack) {
	s.t.Helper()
	ring := s.mustOpen()
	link, err := ring.SealMail(ring.DerivingKey(), outbox.Verification, id.ID{3})
	if err != nil {
		s.t.Fatal(err)
	}
	g.Access, g.Refresh = append(g.Access, s.access(ring)), append(g.Refresh, s.refresh(ring))
	g.Links = append(g.Links, link.Reveal())
	g.Devices = append(g.Devices, ring.SealDevice(guard.Familiar{User: id.ID{1}, Epoch: 2, Device: id.ID{4}}).Reveal())
}

// record makes previous, current, next and revoked keys, and has those that were current issue tokens.
func record(t *testing.T) golden {
	t.Helper()
	s := newStack(t)
	var recorded golden
	for _, step := range []time.Duration{0, 9 * day, 2 * day, 8 * day} {
		s.clock.advance(step)
		s.rotate()
		recorded.issue(s)
	}
	if err := s.rotator(schedule).Revoke(t.Context(), "signing/0003"); err != nil {
		t.Fatal(err)
	}
	recorded.At, recorded.Parameters, recorded.Current = s.clock.now(), map[string]string{}, kidOf(t, s.access(s.mustOpen()))
	recorded.Access = recorded.Access[1:] // the first has expired
	for name, value := range s.values() {
		recorded.Parameters[name] = value.Reveal()
	}
	s.clock.advance(2 * day)
	s.rotate()
	recorded.Names = s.names()
	return recorded
}

func readGolden(t *testing.T) (former golden) {
	t.Helper()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &former); err != nil {
		t.Fatal(err)
	}
	return former
}

// TestGoldenKeys: the parameters of a former version are a whole key set, accept its tokens, and rotate as they would have.
func TestGoldenKeys(t *testing.T) {
	former := readGolden(t)
	s := newStack(t)
	s.clock.at = former.At
	for name, value := range former.Parameters {
		s.put(name, value)
	}
	ring := s.mustOpen()
	if kid := kidOf(t, s.access(ring)); kid != former.Current {
		t.Errorf("the key %s signs, want %s", kid, former.Current)
	}
	accepts := map[string]func(raw string) error{
		"access":  func(raw string) error { return s.verify(ring, raw) },
		"refresh": func(raw string) error { _, err := ring.OpenRefresh(raw); return err },
		"link":    func(raw string) error { _, err := ring.OpenMail(outbox.Verification, raw); return err },
		"device":  func(raw string) error { _, err := ring.OpenDevice(raw); return err },
	}
	for kind, tokens := range map[string][]string{
		"access": former.Access, "refresh": former.Refresh, "link": former.Links, "device": former.Devices,
	} {
		for i, raw := range tokens {
			if err := accepts[kind](raw); err != nil {
				t.Errorf("%s token %d: got %v, want it accepted", kind, i, err)
			}
		}
	}
	var again golden
	again.issue(s)
	last := len(former.Refresh) - 1
	got := []string{again.Refresh[0], again.Links[0]} // new device cookies also contain a number of attempts
	if want := []string{former.Refresh[last], former.Links[last]}; !slices.Equal(got, want) {
		t.Errorf("the present key derives %v, want %v", got, want)
	}
	s.clock.advance(2 * day)
	s.rotate()
	s.wantNames(former.Names...)
}

// TestGoldenParameters: the code under test writes parameters of the same names and forms as the former version.
func TestGoldenParameters(t *testing.T) {
	recorded := record(t)
	if *updateGolden {
		text, err := json.Marshal(recorded, jsontext.WithIndent(" "), json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(goldenFile, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, want := forms(recorded.Parameters), forms(readGolden(t).Parameters)
	if !slices.Equal(got, want) {
		t.Errorf("got the parameters\n%s\nwant, as in %s,\n%s", strings.Join(got, "\n"), goldenFile, strings.Join(want, "\n"))
	}
}

// valuePattern matches what differs between two keys of one form.
var valuePattern = regexp.MustCompile(`"(d|x|y|k|kid)":"[\w-]+"`)

// forms returns the parameters without the bytes of their keys, sorted.
func forms(parameters map[string]string) []string {
	var all []string
	for name, value := range parameters {
		all = append(all, name+" "+valuePattern.ReplaceAllString(value, `"$1":"…"`))
	}
	slices.Sort(all)
	return all
}
