package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const (
	goodSalt = "c29tZXNhbHQ"
	goodTag  = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	goodPHC  = "$argon2id$v=19$m=256,t=2,p=1$" + goodSalt + "$" + goodTag
)

func TestParseRefusesArgon2(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(goodPHC, old, with, 1) }
	for name, phc := range map[string]string{
		"argon2d":                 replace("argon2id", "argon2d"),
		"Django's name alone":     strings.TrimPrefix(goodPHC, "$"),
		"Django's name, argon2d":  "argon2" + replace("argon2id", "argon2d"),
		"Django's name, dollar":   "argon2$" + goodPHC,
		"capital name":            replace("argon2id", "Argon2id"),
		"old version":             replace("v=19", "v=16"),
		"no version":              replace("$v=19", ""),
		"other order":             replace("m=256,t=2", "t=2,m=256"),
		"parameter missing":       replace(",p=1", ""),
		"parameter added":         replace("p=1", "p=1,keyid=AAAA"),
		"parameter empty":         replace("t=2", "t="),
		"leading zero":            replace("t=2", "t=02"),
		"plus sign":               replace("t=2", "t=+2"),
		"negative":                replace("t=2", "t=-2"),
		"hexadecimal":             replace("m=256", "m=0x100"),
		"underscore":              replace("m=256", "m=2_56"),
		"over 32 bits":            replace("m=256", "m=4294967552"),
		"threads over 8 bits":     replace("p=1", "p=257"),
		"space inside":            replace("m=256", "m= 256"),
		"space before":            " " + goodPHC,
		"line feed after":         goodPHC + "\n",
		"line feed in the tag":    replace("nf65", "nf\n65"),
		"carriage return in salt": replace("c29t", "c2\r9t"),
		"padding":                 goodPHC + "=",
		"URL alphabet":            replace("MR/u", "MR_u"),
		"unused bits set":         replace("Gi/4", "Gi/5"),
		"no tag":                  strings.TrimSuffix(goodPHC, "$"+goodTag),
		"no salt, no tag":         strings.TrimSuffix(goodPHC, "$"+goodSalt+"$"+goodTag),
		"field added":             goodPHC + "$AAAA",
		"dollar after":            goodPHC + "$",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(phc); !errors.Is(err, ErrUnreadable) {
				t.Errorf("parse(%q) returned the error %v, want %v", phc, err, ErrUnreadable)
			}
		})
	}
}

func TestParseBoundsArgon2(t *testing.T) {
	bytes := func(n int) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
	for name, c := range map[string]struct {
		m, t, p   int
		salt, tag int
		want      error
	}{
		"current":                    {19456, 2, 1, 16, 32, nil},
		"second choice of RFC 9106":  {65536, 3, 4, 16, 32, nil},
		"Django's default":           {102400, 2, 8, 16, 32, nil},
		"most memory, most work":     {256 << 10, 3, 1, 16, 32, nil},
		"memory over":                {256<<10 + 1, 1, 1, 16, 32, ErrCost},
		"work over with most memory": {256 << 10, 4, 1, 16, 32, ErrCost},
		"all 32 bits":                {1<<32 - 1, 1<<32 - 1, 255, 16, 32, ErrCost},
		"most work":                  {1024, 768, 1, 16, 32, nil},
		"work over":                  {1024, 769, 1, 16, 32, ErrCost},
		"most lanes":                 {128, 1, 16, 16, 32, nil},
		"lanes over":                 {4096, 1, 17, 16, 32, ErrCost},
		"no lane":                    {4096, 1, 0, 16, 32, ErrCost},
		"no pass":                    {4096, 0, 1, 16, 32, ErrCost},
		"less memory than the lanes": {127, 1, 16, 16, 32, ErrCost},
		"shortest salt and tag":      {64, 1, 1, 8, 16, nil},
		"salt under":                 {64, 1, 1, 7, 16, ErrCost},
		"tag under":                  {64, 1, 1, 8, 15, ErrCost},
		"longest salt and tag":       {64, 1, 1, 64, 64, nil},
		"salt over":                  {64, 1, 1, 65, 64, ErrCost},
		"tag over":                   {64, 1, 1, 64, 65, ErrCost},
	} {
		t.Run(name, func(t *testing.T) {
			phc := fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", c.m, c.t, c.p, bytes(c.salt), bytes(c.tag))
			if _, err := parse(phc); !errors.Is(err, c.want) {
				t.Errorf("parse(%q) returned the error %v, want %v", phc, err, c.want)
			}
		})
	}
}
