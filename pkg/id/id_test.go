package id_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"latchkey/pkg/id"
)

func TestNewIsARandomUUID(t *testing.T) {
	created := id.New(bytes.NewReader(bytes.Repeat([]byte{0xff}, id.Size)))
	if got, want := created.String(), "ffffffff-ffff-4fff-bfff-ffffffffffff"; got != want {
		t.Errorf("New returned %s from a source of ones, want %s", got, want)
	}
	if first, second := id.New(rand.Reader), id.New(rand.Reader); first == second {
		t.Errorf("New returned %s twice, want two different IDs", first)
	}
}

func TestNewPanicsWithoutRandomness(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New returned from a source that fails, want a panic")
		}
	}()
	id.New(iotest.ErrReader(errors.New("no entropy")))
}

func TestParseAcceptsOnlyTheCanonicalForm(t *testing.T) {
	const good = "550e8400-e29b-41d4-a716-446655440000"
	if parsed, err := id.Parse(good); err != nil || parsed.String() != good {
		t.Errorf("Parse(%q) = %s, %v; want the same ID", good, parsed, err)
	}
	for name, text := range map[string]string{
		"empty":              "",
		"upper case":         "550E8400-E29B-41D4-A716-446655440000",
		"no dashes":          "550e8400e29b41d4a716446655440000",
		"braces":             "{550e8400-e29b-41d4-a716-446655440000}",
		"a dash elsewhere":   "550e840-0e29b-41d4-a716-4466554400000",
		"another separator":  "550e8400_e29b_41d4_a716_446655440000",
		"not hexadecimal":    "550e8400-e29b-41d4-a716-44665544000g",
		"one character more": good + "0",
		"one character less": good[:35],
	} {
		if parsed, err := id.Parse(text); !errors.Is(err, id.ErrMalformed) || !parsed.IsZero() {
			t.Errorf("%s: Parse(%q) = %s, %v; want the zero ID and ErrMalformed", name, text, parsed, err)
		}
	}
}

func TestParseInvertsString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		original := id.ID(rapid.SliceOfN(rapid.Byte(), id.Size, id.Size).Draw(t, "bytes"))
		if parsed, err := id.Parse(original.String()); err != nil || parsed != original {
			t.Errorf("Parse(%q) = %s, %v; want the same ID", original, parsed, err)
		}
	})
}

// FuzzParse shows that Parse never panics and accepts only the canonical form.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"550e8400-e29b-41d4-a716-446655440000", "", "550E8400-E29B-41D4-A716-446655440000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if parsed, err := id.Parse(text); err == nil && parsed.String() != text {
			t.Errorf("Parse(%q) = %s, want an error for any other spelling", text, parsed)
		}
	})
}
