package streams

import (
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
	"latchkey/infra/testkit"
	"latchkey/infra/testkit/enginetest"
)

// The records of a stream survive a restart of the engine, and the mapping continues after it.
func TestOutageOfTheEngineLosesNothing(t *testing.T) {
	o := engine.Options{Root: testkit.Root(t), Folder: t.TempDir()}
	startEngine := func() *engine.Engine {
		e, err := engine.StartDynoxide(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Stop)
		return e
	}
	first := startEngine()
	client := tables.Client(first.Endpoint)
	schema := []template.Table{{
		Name: "Sessions", StreamView: "NEW_IMAGE", Attributes: []template.Attribute{{Name: "pk", Type: "S"}, {Name: "sk", Type: "S"}},
		Keys: []template.Key{{Name: "pk", Type: "HASH"}, {Name: "sk", Type: "RANGE"}},
	}}
	if err := tables.Create(t.Context(), client, schema, ""); err != nil {
		t.Fatal(err)
	}
	f := newFeed(t, enginetest.Tables{Endpoint: first.Endpoint, Sessions: "Sessions", Client: client})
	f.folder = t.TempDir()
	m := f.start()
	f.put("ab")
	testkit.Eventually(t, "the records ab", func() bool { return strings.Join(f.got(), "") == "ab" })

	first.Stop()
	testkit.Eventually(t, "a line about the outage", func() bool { return f.logged("the stream cannot be read") })
	o.Port = port(t, first)
	second := startEngine()
	f.put("cd")
	testkit.Eventually(t, "the records abcd, each once", func() bool { return strings.Join(f.got(), "") == "abcd" })
	if want := "the stream can be read again"; !f.logged(want) {
		t.Errorf("got log %q, want %q in it", f.log, want)
	}

	m.Close()
	f.put("e")
	second.Stop()
	startEngine()
	f.start()
	testkit.Eventually(t, "the records abcde, each once", func() bool { return strings.Join(f.got(), "") == "abcde" })
	time.Sleep(2 * pollInterval)
	if got := strings.Join(f.got(), ""); got != "abcde" {
		t.Errorf("got %q, want abcde", got)
	}
}

func port(t *testing.T, e *engine.Engine) int {
	t.Helper()
	return number(t, e.Endpoint[strings.LastIndexByte(e.Endpoint, ':')+1:])
}
