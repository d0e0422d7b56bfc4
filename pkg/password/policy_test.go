package password

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"latchkey/pkg/secret"
)

func TestPolicyCheck(t *testing.T) {
	const (
		short    = "must have at least 8 characters"
		long     = "must have at most 256 bytes"
		username = "must not contain the username"
		address  = "must not contain the e-mail address"
		common   = "is one of the most common passwords"
	)
	for name, c := range map[string]struct{ pw, username, address, want string }{
		"passphrase":                       {"correct horse battery", "alice", "alice@example.com", ""},
		"eight characters":                 {"xq7#Lm2z", "alice", "alice@example.com", ""},
		"seven":                            {"xq7#Lm2", "alice", "alice@example.com", short},
		"seven of many bytes":              {"äöüÄÖÜß", "alice", "alice@example.com", short},
		"eight beyond ASCII":               {"äöüÄÖÜßé", "alice", "alice@example.com", ""},
		"empty":                            {"", "alice", "alice@example.com", short},
		"spaces are characters":            {"  x y z ", "alice", "alice@example.com", ""},
		"256 bytes":                        {strings.Repeat("äz", 85) + "x", "alice", "alice@example.com", ""},
		"257 bytes":                        {strings.Repeat("äz", 85) + "xy", "alice", "alice@example.com", long},
		"common":                           {"password", "alice", "alice@example.com", common},
		"common in capitals":               {"PassWord", "alice", "alice@example.com", common},
		"common with more":                 {"password and more", "alice", "alice@example.com", ""},
		"common with a space":              {"password ", "alice", "alice@example.com", ""},
		"the username":                     {"wonderland", "wonderland", "a@example.com", username},
		"the username in capitals":         {"WONDERLAND", "wonderland", "a@example.com", username},
		"password lower, username capital": {"wonderland", "Wonderland", "a@example.com", username},
		"contains the username":            {"i am Alice!", "alice", "a@example.com", username},
		"contains a name of four":          {"i am Anna!!", "anna", "a@example.com", ""},
		"contains five beyond ASCII":       {"i am ÄÖÜÉÀ!", "äöüéà", "a@example.com", username},
		"final sigma":                      {"ΟΔΥΣΣΕΥΣ", "οδυσσευς", "a@example.com", username},
		"the address":                      {"bob@example.com", "alice", "bob@example.com", address},
		"the address in capitals":          {"BOB@EXAMPLE.COM", "alice", "bob@example.com", address},
		"contains the address":             {"x bob@example.com x", "alice", "Bob@Example.com", address},
		"contains only the local part":     {"i am robert!", "alice", "robert@example.com", ""},
		"part of the username":             {"wonder-lan", "wonder-land", "a@example.com", ""},
		"no names given":                   {"correct horse", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Policy{MinLength: 8}.Check(secret.New(c.pw), c.username, c.address)
			problem, refused := errors.AsType[*Problem](err)
			if refused != (c.want != "") || refused && problem.Message != c.want {
				t.Errorf("Check(%q) = %v, want %q", c.pw, err, c.want)
			}
		})
	}
}

func TestPolicyNamesOfAnyLengthWhenEqual(t *testing.T) {
	err := Policy{MinLength: 4}.Check(secret.New("Bree"), "bREE", "a@example.com")
	if problem, ok := errors.AsType[*Problem](err); !ok || !strings.Contains(problem.Message, "username") {
		t.Errorf(`Check("Bree") for the username "bREE" = %v, want a problem with the username`, err)
	}
}

func TestPolicyMessageCountsTheMinimum(t *testing.T) {
	err := Policy{MinLength: 12}.Check(secret.New("elevenchars"), "alice", "a@example.com")
	if problem, ok := errors.AsType[*Problem](err); !ok || !strings.Contains(problem.Message, "12") {
		t.Errorf("Check with a minimum of 12 = %v, want a message with the number 12", err)
	}
}

// TestPolicyProperties shows that the length limits hold, that an accepted password never contains a name of five characters,
// and that no error contains the password.
func TestPolicyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(5, 10, -1).Draw(t, "name")
		own := rapid.StringN(0, 300, 300).Draw(t, "own")
		policy := Policy{MinLength: 8}
		if err := policy.Check(secret.New(own+strings.ToUpper(name)), name, ""); err == nil {
			t.Errorf("Check(%q) = nil, want an error because it contains the name %q", own+strings.ToUpper(name), name)
		}
		err := policy.Check(secret.New(own), name, "a@example.com")
		if fits := utf8.RuneCountInString(own) >= 8 && len(own) <= MaxBytes; err == nil && !fits {
			t.Errorf("Check(%q) = nil, want an error for its length", own)
		}
		if err != nil && len(own) >= 8 && strings.Contains(err.Error(), own) {
			t.Errorf("the error %v contains the password %q", err, own)
		}
	})
}

func TestCommonList(t *testing.T) {
	entries := strings.Split(strings.TrimSuffix(common, "\n"), "\n")
	if len(entries) < 10_000 {
		t.Errorf("got %d entries in the list, want at least 10,000", len(entries))
	}
	for i, entry := range entries {
		if entry == "" || foldCase(entry) != entry {
			t.Errorf("line %d: got %q, want folded text, because passwords are folded before the search", i+1, entry)
		}
		if i > 0 && entries[i-1] >= entry {
			t.Errorf("line %d: %q is out of order", i+1, entry)
		}
		if !isCommon(entry) {
			t.Errorf("line %d: isCommon(%q) = false, want true", i+1, entry)
		}
	}
}

func TestIsCommonRefusesNeighbours(t *testing.T) {
	for name, folded := range map[string]string{
		"empty":                 "",
		"before the first":      "\x00",
		"after the last":        "\U0010ffff",
		"a prefix":              "passwor",
		"two lines":             "password\npassword1",
		"a line and its ending": "password\n",
		"an ending and a line":  "\npassword",
	} {
		if isCommon(folded) {
			t.Errorf("%s: isCommon(%q) = true, want false", name, folded)
		}
	}
}

// TestIsCommonAgainstScan compares the binary search with a linear scan.
func TestIsCommonAgainstScan(t *testing.T) {
	framed := "\n" + common
	rapid.Check(t, func(t *rapid.T) {
		folded := rapid.StringMatching(`[a-z0-9]{1,6}`).Draw(t, "folded")
		if got, want := isCommon(folded), strings.Contains(framed, "\n"+folded+"\n"); got != want {
			t.Errorf("isCommon(%q) = %v, want %v", folded, got, want)
		}
	})
}

func BenchmarkPolicyCheck(b *testing.B) {
	for b.Loop() {
		if err := (Policy{MinLength: 8}).Check(secret.New("correct horse"), "alice", "alice@example.com"); err != nil {
			b.Fatal(err)
		}
	}
}
