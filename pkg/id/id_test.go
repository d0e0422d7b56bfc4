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
	made := id.New(bytes.NewReader(bytes.Repeat([]byte{0xff}, id.Size)))
	if got, want := made.String(), "ffffffff-ffff-4fff-bfff-ffffffffffff"; got != want {
		t.Errorf("the id is %s, want %s", got, want)
	}
	if one, two := id.New(rand.Reader), id.New(rand.Reader); one == two {
		t.Error("two ids are the same")
	}
}

func TestNewPanicsWithoutRandomness(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an id was made of nothing")
		}
	}()
	id.New(iotest.ErrReader(errors.New("dry")))
}

func TestParseReadsTheOneSpelling(t *testing.T) {
	const good = "550e8400-e29b-41d4-a716-446655440000"
	if parsed, err := id.Parse(good); err != nil || parsed.String() != good {
		t.Errorf("%s is read as %s, %v", good, parsed, err)
	}
	for name, text := range map[string]string{
		"empty":               "",
		"upper case":          "550E8400-E29B-41D4-A716-446655440000",
		"no dashes":           "550e8400e29b41d4a716446655440000",
		"braces":              "{550e8400-e29b-41d4-a716-446655440000}",
		"a dash elsewhere":    "550e840-0e29b-41d4-a716-4466554400000",
		"another separator":   "550e8400_e29b_41d4_a716_446655440000",
		"no hexadecimal":      "550e8400-e29b-41d4-a716-44665544000g",
		"a character more":    good + "0",
		"a character too few": good[:35],
	} {
		if parsed, err := id.Parse(text); !errors.Is(err, id.ErrMalformed) || !parsed.IsZero() {
			t.Errorf("%s: %s, %v", name, parsed, err)
		}
	}
}

func TestParseReadsWhatStringWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		made := id.ID(rapid.SliceOfN(rapid.Byte(), id.Size, id.Size).Draw(t, "bytes"))
		if parsed, err := id.Parse(made.String()); err != nil || parsed != made {
			t.Errorf("%s is read as %s, %v", made, parsed, err)
		}
	})
}

// FuzzParse holds: no panic, and read only in the one spelling.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"550e8400-e29b-41d4-a716-446655440000", "", "550E8400-E29B-41D4-A716-446655440000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if parsed, err := id.Parse(text); err == nil && parsed.String() != text {
			t.Errorf("%q is read as %s", text, parsed)
		}
	})
}
