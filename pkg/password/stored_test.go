package password

import (
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"latchkey/pkg/secret"
)

// legacyVectors holds hashes computed by the libraries of other systems, which testdata/README.md lists.
//
//go:embed testdata/legacy.json
var legacyVectors []byte

// vector is a hash with its password.
type vector struct{ Name, Password, Stored string }

func vectors(tb testing.TB) []vector {
	tb.Helper()
	var parsed []vector
	if err := json.Unmarshal(legacyVectors, &parsed); err != nil {
		tb.Fatal(err)
	}
	return parsed
}

func TestLegacyHashesVerify(t *testing.T) {
	hasher := NewHasher(cheap, rand.Reader)
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			for _, pw := range []string{v.Password, strings.ToUpper(v.Password)} {
				match, err := hasher.Verify(secret.New(v.Stored), secret.New(pw))
				if err != nil || match != (pw == v.Password) {
					t.Errorf("Verify(%q, %q) = %v, %v; want %v", v.Stored, pw, match, err, pw == v.Password)
				}
			}
		})
	}
}

// TestPasswordsBeyondTheLimitOfBcrypt shows that only plain bcrypt ignores the bytes after the first 72, and that the hash
// that replaces it does not.
func TestPasswordsBeyondTheLimitOfBcrypt(t *testing.T) {
	hasher := NewHasher(cheap, rand.Reader)
	for _, v := range vectors(t) {
		if !strings.HasSuffix(v.Name, "95 bytes") {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			other := secret.New(v.Password[:72] + "something else")
			match, err := hasher.Verify(secret.New(v.Stored), other)
			if err != nil || match != strings.HasPrefix(v.Stored, "$2b$") {
				t.Errorf("Verify(%q, the first 72 bytes and others) = %v, %v; want true only for plain bcrypt", v.Stored, match, err)
			}
			renewed := hasher.Renew(secret.New(v.Stored), secret.New(v.Password))
			if match, err := hasher.Verify(renewed, other); err != nil || match {
				t.Errorf("Verify(%q, the first 72 bytes and others) = %v, %v; want false", renewed.Reveal(), match, err)
			}
		})
	}
}

func TestRenew(t *testing.T) {
	hasher := NewHasher(cheap, rand.Reader)
	own := hasher.Hash(secret.New("correct horse")).Reveal()
	encode := base64.RawStdEncoding.EncodeToString
	phc := func(m, t, p, salt, tag int) string {
		return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", m, t, p, encode(make([]byte, salt)), encode(make([]byte, tag)))
	}
	cases := map[string]struct {
		stored string
		stays  bool
	}{
		"its own":             {own, true},
		"same parameters":     {phc(64, 1, 1, 16, 32), true},
		"more memory":         {phc(65, 1, 1, 16, 32), false},
		"more passes":         {phc(64, 2, 1, 16, 32), false},
		"more lanes":          {phc(64, 1, 2, 16, 32), false},
		"shorter salt":        {phc(64, 1, 1, 15, 32), false},
		"shorter tag":         {phc(64, 1, 1, 16, 31), false},
		"argon2i":             {strings.Replace(own, "argon2id", "argon2i", 1), false},
		"after Django's name": {"argon2" + own, false},
		"unreadable":          {"plain", false},
	}
	for _, v := range vectors(t) {
		cases[v.Name] = struct {
			stored string
			stays  bool
		}{v.Stored, false}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			renewed := hasher.Renew(secret.New(c.stored), secret.New("correct horse"))
			if stays := renewed.Reveal() == c.stored; stays != c.stays {
				t.Fatalf("Renew(%q) = %q, want the same hash: %v", c.stored, renewed.Reveal(), c.stays)
			}
			if match, err := hasher.Verify(renewed, secret.New("correct horse")); !c.stays && (err != nil || !match) {
				t.Errorf("Verify(%q, the password) = %v, %v; want true", renewed.Reveal(), match, err)
			}
			if again := hasher.Renew(renewed, secret.New("correct horse")); again != renewed {
				t.Errorf("Renew(%q) = %q, want the same hash, because it is new", renewed.Reveal(), again.Reveal())
			}
		})
	}
}

const (
	saltText = "sdUf0uYMcMjIxvUUfWbRR7"                      // 22 letters
	salt16   = "AAAAAAAAAAAAAAAAAAAAAA"                      // 16 bytes in base64
	tag32    = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" // 32 bytes
	tag20    = "AAAAAAAAAAAAAAAAAAAAAAAAAAA"                 // 20 bytes
	bcrypt53 = "Txq2SYG8k/9TnPTNd7KZVe6ZvGWEUB/UMB6NQqSfyq.u3Aro3HMHW"
)

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                       "",
		"a dollar sign":                 "$",
		"dollar signs":                  "$$$$$$",
		"plain text":                    "password",
		"a name alone":                  "pbkdf2_sha256",
		"a name and nothing":            "pbkdf2_sha256$",
		"SHA-256 in hexadecimal":        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
		"Django's unusable password":    "!ImtPpA8CZaSwJkJ3f1rMOk1ck3n1Nq5jn8Xvr4AM",
		"Django's salted MD5":           "md5$salt$67a1e09bb1f83f5007dc119c14d663aa",
		"phpass":                        "$P$B4v9dFPvV1pCD9S6BVxKnRuFCzZ7Mx.",
		"SHA-512 crypt":                 "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1",
		"bcrypt without a version":      "$2$04$" + bcrypt53,
		"bcrypt of a faulty version":    "$2x$04$" + bcrypt53,
		"bcrypt, one digit":             "$2b$4$" + bcrypt53,
		"bcrypt, three digits":          "$2b$004$" + bcrypt53,
		"bcrypt, a sign":                "$2b$+4$" + bcrypt53,
		"bcrypt, no number":             "$2b$0x$" + bcrypt53,
		"bcrypt, short":                 "$2b$04$" + bcrypt53[1:],
		"bcrypt, long":                  "$2b$04$" + bcrypt53 + "A",
		"bcrypt, a foreign letter":      "$2b$04$" + strings.Replace(bcrypt53, "K", "+", 1),
		"bcrypt, a line feed":           "$2b$04$" + bcrypt53[:52] + "\n",
		"bcrypt, a field more":          "$2b$04$" + bcrypt53 + "$",
		"Django's bcrypt, one dollar":   "bcrypt$2b$04$" + bcrypt53,
		"Django's bcrypt, a field more": "bcrypt$$2b$04$" + bcrypt53 + "$A",
		"PBKDF2, leading zero":          "pbkdf2_sha256$01000$" + saltText + "$" + tag32 + "=",
		"PBKDF2, a sign":                "pbkdf2_sha256$+1000$" + saltText + "$" + tag32 + "=",
		"PBKDF2, underscores":           "pbkdf2_sha256$1_000$" + saltText + "$" + tag32 + "=",
		"PBKDF2, over 32 bits":          "pbkdf2_sha256$4294967297$" + saltText + "$" + tag32 + "=",
		"PBKDF2, no iterations":         "pbkdf2_sha256$" + saltText + "$" + tag32 + "=",
		"PBKDF2, no padding":            "pbkdf2_sha256$1000$" + saltText + "$" + tag32,
		"PBKDF2, line feed in the tag":  "pbkdf2_sha256$1000$" + saltText + "$\n" + tag32 + "=",
		"PBKDF2, unused bits set":       "pbkdf2_sha256$1000$" + saltText + "$" + tag32[:42] + "B=",
		"PBKDF2 with another digest":    "pbkdf2_md5$1000$" + saltText + "$" + tag32 + "=",
		"passlib, padding":              "$pbkdf2-sha256$1000$" + salt16 + "$" + tag32 + "=",
		"passlib, a plus for a dot":     "$pbkdf2-sha256$1000$" + salt16 + "$+" + tag32[1:],
		"passlib, a field more":         "$pbkdf2-sha256$1000$" + salt16 + "$" + tag32 + "$",
		"scrypt, no number":             "scrypt$x$" + saltText + "$8$1$" + tag32 + "=",
		"scrypt, negative":              "scrypt$256$" + saltText + "$8$-1$" + tag32 + "=",
		"scrypt, a field less":          "scrypt$256$" + saltText + "$8$" + tag32 + "=",
		"scrypt, other order":           "$scrypt$r=8,ln=8,p=1$" + salt16 + "$" + tag32,
		"scrypt, parameter added":       "$scrypt$ln=8,r=8,p=1,x=1$" + salt16 + "$" + tag32,
		"scrypt, parameter missing":     "$scrypt$ln=8,r=8$" + salt16 + "$" + tag32,
		"scrypt, name missing":          "$scrypt$8,r=8,p=1$" + salt16 + "$" + tag32,
		"scrypt, no tag":                "$scrypt$ln=8,r=8,p=1$" + salt16,
		"longer than any format":        "pbkdf2_sha256$1000$" + strings.Repeat("s", 512) + "$" + tag32 + "=",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(text); !errors.Is(err, ErrUnreadable) {
				t.Errorf("parse(%q) returned the error %v, want %v", text, err, ErrUnreadable)
			}
		})
	}
}

func TestParseBounds(t *testing.T) {
	const (
		django = "$" + saltText + "$"
		huge   = "4294967295"
	)
	letters, zeros := strings.Repeat, base64.StdEncoding.EncodeToString(make([]byte, 65))
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"bcrypt, least":              {"$2b$04$" + bcrypt53, nil},
		"bcrypt, under":              {"$2b$03$" + bcrypt53, ErrCost},
		"bcrypt, zero":               {"$2b$00$" + bcrypt53, ErrCost},
		"bcrypt, most":               {"$2b$14$" + bcrypt53, nil},
		"bcrypt, over":               {"$2b$15$" + bcrypt53, ErrCost},
		"bcrypt, days":               {"$2b$31$" + bcrypt53, ErrCost},
		"Django's bcrypt, over":      {"bcrypt$$2b$15$" + bcrypt53, ErrCost},
		"Django's bcrypt_sha256":     {"bcrypt_sha256$$2b$15$" + bcrypt53, ErrCost},
		"PBKDF2, least":              {"pbkdf2_sha256$1" + django + tag32 + "=", nil},
		"PBKDF2, zero":               {"pbkdf2_sha256$0" + django + tag32 + "=", ErrCost},
		"PBKDF2, most":               {"pbkdf2_sha256$2500000" + django + tag32 + "=", nil},
		"PBKDF2, over":               {"pbkdf2_sha256$2500001" + django + tag32 + "=", ErrCost},
		"PBKDF2, all 32 bits":        {"pbkdf2_sha256$" + huge + django + tag32 + "=", ErrCost},
		"PBKDF2, tag of two blocks":  {"pbkdf2_sha1$1" + django + tag32 + "=", ErrCost},
		"PBKDF2, tag of less":        {"pbkdf2_sha256$1" + django + tag20 + "=", ErrCost},
		"PBKDF2, no tag":             {"pbkdf2_sha256$1" + django, ErrCost},
		"PBKDF2, no salt":            {"pbkdf2_sha256$1$$" + tag32 + "=", ErrCost},
		"PBKDF2, shortest salt":      {"pbkdf2_sha256$1$" + letters("s", 8) + "$" + tag32 + "=", nil},
		"PBKDF2, salt under":         {"pbkdf2_sha256$1$" + letters("s", 7) + "$" + tag32 + "=", ErrCost},
		"PBKDF2, longest salt":       {"pbkdf2_sha256$1$" + letters("s", 64) + "$" + tag32 + "=", nil},
		"PBKDF2, salt over":          {"pbkdf2_sha256$1$" + letters("s", 65) + "$" + tag32 + "=", ErrCost},
		"passlib's PBKDF2, most":     {"$pbkdf2$2500000$" + salt16 + "$" + tag20, nil},
		"passlib's PBKDF2, over":     {"$pbkdf2$2500001$" + salt16 + "$" + tag20, ErrCost},
		"scrypt, least":              {"$scrypt$ln=1,r=1,p=1$" + salt16 + "$" + tag32, nil},
		"scrypt, N is 1":             {"$scrypt$ln=0,r=1,p=1$" + salt16 + "$" + tag32, ErrCost},
		"scrypt, r is 0":             {"$scrypt$ln=8,r=0,p=1$" + salt16 + "$" + tag32, ErrCost},
		"scrypt, p is 0":             {"$scrypt$ln=8,r=8,p=0$" + salt16 + "$" + tag32, ErrCost},
		"scrypt, OWASP":              {"$scrypt$ln=17,r=8,p=1$" + salt16 + "$" + tag32, nil},
		"scrypt, most memory":        {"$scrypt$ln=18,r=8,p=1$" + salt16 + "$" + tag32, nil},
		"scrypt, memory over":        {"$scrypt$ln=19,r=8,p=1$" + salt16 + "$" + tag32, ErrCost},
		"scrypt, most lanes":         {"$scrypt$ln=14,r=8,p=16$" + salt16 + "$" + tag32, nil},
		"scrypt, lanes over":         {"$scrypt$ln=14,r=8,p=17$" + salt16 + "$" + tag32, ErrCost},
		"scrypt, largest block":      {"$scrypt$ln=8,r=64,p=1$" + salt16 + "$" + tag32, nil},
		"scrypt, block over":         {"$scrypt$ln=8,r=65,p=1$" + salt16 + "$" + tag32, ErrCost},
		"scrypt, shift over 64 bits": {"$scrypt$ln=65,r=1,p=1$" + salt16 + "$" + tag32, ErrCost},
		"scrypt, all 32 bits":        {"$scrypt$ln=" + huge + ",r=" + huge + ",p=" + huge + "$" + salt16 + "$" + tag32, ErrCost},
		"scrypt, a product of 2^64":  {"$scrypt$ln=32,r=1,p=4294967295$" + salt16 + "$" + tag32, ErrCost},
		"Django's scrypt, most":      {"scrypt$262144" + django + "8$1$" + tag32 + "=", nil},
		"Django's scrypt, over":      {"scrypt$524288" + django + "8$1$" + tag32 + "=", ErrCost},
		"Django's scrypt, no power":  {"scrypt$1000" + django + "8$1$" + tag32 + "=", ErrCost},
		"Django's scrypt, all 32":    {"scrypt$" + huge + django + huge + "$" + huge + "$" + tag32 + "=", ErrCost},
		"Django's scrypt, tag over":  {"scrypt$256" + django + "8$1$" + zeros, ErrCost},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(c.text); !errors.Is(err, c.want) {
				t.Errorf("parse(%q) returned the error %v, want %v", c.text, err, c.want)
			}
		})
	}
}

// FuzzParse shows that an accepted hash has a limited cost and, if it can be formatted again, only one spelling.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{goodPHC, dummy, goodPHC + "\n", "$argon2id$v=19$m=08,t=+1,p=1$AA$AA", "$scrypt$ln=64,r=0,p=1$A$A"} {
		f.Add(seed)
	}
	for _, v := range vectors(f) {
		f.Add(v.Stored)
	}
	f.Fuzz(func(t *testing.T, text string) {
		hash, err := parse(text)
		if err != nil {
			return
		}
		switch parsed := hash.(type) {
		case argon2Hash:
			work := uint64(parsed.params.MemoryKiB) * uint64(parsed.params.Time)
			if strings.TrimPrefix(text, "argon2$") != parsed.String()[1:] && text != parsed.String() {
				t.Errorf("parse(%q) = %s, want the same text", text, parsed)
			}
			checkAccepted(t, text, work <= 768<<10 && parsed.params.MemoryKiB <= 256<<10, parsed.salt, parsed.tag)
		case bcryptHash:
			if parsed.cost < 4 || parsed.cost > 14 || !strings.HasSuffix(text, parsed.text[len("$2b"):]) {
				t.Errorf("parse(%q) = %s with the cost %d, want the same text and a cost of 4 to 14", text, parsed.text, parsed.cost)
			}
		case pbkdf2Hash:
			checkAccepted(t, text, parsed.iterations <= 2_500_000, parsed.salt, parsed.tag)
		case scryptHash:
			memory := 128 * parsed.r * (parsed.n + parsed.p)
			checkAccepted(t, text, memory <= 257<<20 && parsed.n*parsed.r*parsed.p <= 1<<21, parsed.salt, parsed.tag)
		}
	})
}

func checkAccepted(t *testing.T, text string, affordable bool, salt, tag []byte) {
	t.Helper()
	if !affordable || len(salt) < 8 || len(salt) > 64 || len(tag) < 16 || len(tag) > 64 {
		t.Errorf("parse(%q) accepted a hash outside the limits, want an error", text)
	}
}
