package streams

import (
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
	"latchkey/infra/testkit/enginetest"
)

// The stream outlives its engine, and the mapping an engine that is away for a while.
func TestAnEngineThatIsAwayLosesNothing(t *testing.T) {
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	o := engine.Options{Root: root, Folder: t.TempDir()}
	begin := func() *engine.Engine {
		e, err := engine.StartDynoxide(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Stop)
		return e
	}
	first := begin()
	client := tables.Client(first.Endpoint)
	declared := []template.Table{{
		Name: "Sessions", StreamView: "NEW_IMAGE", Attributes: []template.Attribute{{Name: "pk", Type: "S"}, {Name: "sk", Type: "S"}},
		Keys: []template.Key{{Name: "pk", Type: "HASH"}, {Name: "sk", Type: "RANGE"}},
	}}
	if err := tables.Create(t.Context(), client, declared, ""); err != nil {
		t.Fatal(err)
	}
	f := newFeed(t, enginetest.Tables{Endpoint: first.Endpoint, Sessions: "Sessions", Client: client})
	f.folder = t.TempDir()
	m := f.start()
	f.put("ab")
	eventually(t, "what was there before", func() bool { return strings.Join(f.got(), "") == "ab" })

	first.Stop()
	eventually(t, "a line about the outage", func() bool { return f.logged("the stream cannot be read") })
	o.Port = port(t, first)
	second := begin()
	f.put("cd")
	eventually(t, "what came afterwards, alone", func() bool { return strings.Join(f.got(), "") == "abcd" })
	if !f.logged("the stream is back") {
		t.Errorf("the log does not say that the stream is back: %q", f.log)
	}

	m.Close()
	f.put("e")
	second.Stop()
	begin()
	f.start()
	eventually(t, "what was written before both ended, alone", func() bool { return strings.Join(f.got(), "") == "abcde" })
	time.Sleep(2 * pollInterval)
	if got := strings.Join(f.got(), ""); got != "abcde" {
		t.Errorf("got %q, want abcde", got)
	}
}

func port(t *testing.T, e *engine.Engine) int {
	t.Helper()
	return number(t, e.Endpoint[strings.LastIndexByte(e.Endpoint, ':')+1:])
}
