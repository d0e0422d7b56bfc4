package token

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"testing"

	"latchkey/pkg/session"
)

// forger creates tokens that are almost valid. It uses the real keys, so that only the fault under test is wrong.
type forger struct {
	t              testing.TB
	by             *Authority
	header, claims string // of a valid token of the signing key
}

func newForger(t testing.TB) *forger {
	by := authority(t, "ES256")
	parts := strings.Split(signAccess(t, by, good), ".")
	return &forger{t: t, by: by, header: text(t, parts[0]), claims: text(t, parts[1])}
}

// sign signs any header and claims with the ES256 key of the set.
func (f *forger) sign(header, claims string) string {
	return f.signWith(f.by.keys.signing, header, claims)
}

func (f *forger) signWith(key *signatureKey, header, claims string) string {
	f.t.Helper()
	raw, err := (&signatureKey{method: key.method, private: key.private, header: encode([]byte(header))}).sign([]byte(claims))
	if err != nil {
		f.t.Fatal(err)
	}
	return raw
}

// other replaces one part of a text, which must be present.
func (f *forger) other(whole, piece, by string) string {
	f.t.Helper()
	changed := strings.Replace(whole, piece, by, 1)
	if changed == whole {
		f.t.Fatalf("%q does not contain %q", whole, piece)
	}
	return changed
}

// keyOf returns the key of the set for an algorithm.
func (f *forger) keyOf(algorithm string) (kid string, key *signatureKey) {
	for kid, key := range f.by.keys.verifying {
		if key.algorithm == algorithm {
			return kid, key
		}
	}
	f.t.Fatalf("the set has no key for %s", algorithm)
	return "", nil
}

func (f *forger) mustRefuse(raw string) {
	f.t.Helper()
	claims, err := f.by.VerifyAccess(raw, now)
	mustInvalid(f.t, raw, err)
	if claims != (session.AccessClaims{}) {
		f.t.Errorf("got the claims %+v with the error, want none", claims)
	}
}

// TestForgerControl validates the other tests of this file: without a fault, the tokens of the forger are accepted.
func TestForgerControl(t *testing.T) {
	f := newForger(t)
	for name, raw := range map[string]string{
		"unchanged":                  f.sign(f.header, f.claims),
		"without typ":                f.sign(f.other(f.header, `,"typ":"JWT"`, ``), f.claims),
		"members in another order":   f.sign(`{"typ":"JWT",`+f.other(f.header, `,"typ":"JWT"`, ``)[1:], f.claims),
		"a claim of a later version": f.sign(f.header, f.other(f.claims, `{`, `{"later":{"x":[1]},`)),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := f.by.VerifyAccess(raw, now); err != nil || got != good {
				t.Errorf("VerifyAccess = %+v, %v; want %+v", got, err, good)
			}
		})
	}
}

func TestVerifyAccessRefusesHeaders(t *testing.T) {
	f := newForger(t)
	kid, _ := f.keyOf("ES256")
	quoted := `"` + kid + `"`
	for name, header := range map[string]string{
		"alg none":                f.other(f.header, `"ES256"`, `"none"`),
		"alg nOnE":                f.other(f.header, `"ES256"`, `"nOnE"`),
		"alg empty":               f.other(f.header, `"ES256"`, `""`),
		"alg in lower case":       f.other(f.header, `"ES256"`, `"es256"`),
		"alg of another key":      f.other(f.header, `"ES256"`, `"RS256"`),
		"alg ES384":               f.other(f.header, `"ES256"`, `"ES384"`),
		"alg a number":            f.other(f.header, `"ES256"`, `256`),
		"no alg":                  f.other(f.header, `"alg":"ES256",`, ``),
		"alg twice":               f.other(f.header, `{`, `{"alg":"ES256",`),
		"ALG":                     f.other(f.header, `"alg"`, `"ALG"`),
		"no kid":                  f.other(f.header, `"kid":`+quoted+`,`, ``),
		"kid null":                f.other(f.header, quoted, `null`),
		"kid empty":               f.other(f.header, quoted, `""`),
		"kid twice":               f.other(f.header, `{`, `{"kid":"x",`),
		"kid unknown":             f.other(f.header, quoted, `"unknown"`),
		"kid truncated":           f.other(f.header, quoted, `"`+kid[1:]+`"`),
		"kid of the oct key":      f.other(f.header, quoted, `"`+f.by.keys.DerivingKey()+`"`),
		"kid of the RSA key":      f.other(f.header, quoted, `"`+first(f.keyOf("RS256"))+`"`),
		"kid of 10 kB":            f.other(f.header, quoted, `"`+strings.Repeat("k", 10_000)+`"`),
		"kid of 2 kB":             f.other(f.header, quoted, `"`+strings.Repeat("k", 2_000)+`"`),
		"kid a path":              f.other(f.header, quoted, `"../../../../dev/null"`),
		"kid a URL":               f.other(f.header, quoted, `"http://169.254.169.254/latest/"`),
		"kid SQL":                 f.other(f.header, quoted, `"' OR 1=1 --"`),
		"kid with NUL":            f.other(f.header, quoted, `"`+kid+`\u0000"`),
		"jku":                     f.other(f.header, `{`, `{"jku":"https://evil.example/jwks.json",`),
		"x5u":                     f.other(f.header, `{`, `{"x5u":"https://evil.example/cert.pem",`),
		"x5c":                     f.other(f.header, `{`, `{"x5c":["MIIB"],`),
		"jwk":                     f.other(f.header, `{`, `{"jwk":{"kty":"EC"},`),
		"crit":                    f.other(f.header, `{`, `{"crit":["exp"],`),
		"crit empty":              f.other(f.header, `{`, `{"crit":[],`),
		"b64 false":               f.other(f.header, `{`, `{"b64":false,`),
		"zip":                     f.other(f.header, `{`, `{"zip":"DEF",`),
		"another typ":             f.other(f.header, `"JWT"`, `"at+jwt"`),
		"not JSON":                "alg=ES256",
		"null":                    "null",
		"an array":                "[" + f.header + "]",
		"two documents":           f.header + f.header,
		"empty":                   "",
		"deeply nested":           strings.Repeat("[", 1_500),
		"not UTF-8":               f.other(f.header, quoted, "\"\xff\""),
		"a lone surrogate":        f.other(f.header, quoted, `"\ud800"`),
		"a trailing comma":        f.other(f.header, `}`, `,}`),
		"a byte order mark":       "\ufeff" + f.header,
		"a comment in the header": f.other(f.header, `{`, `{/**/`),
	} {
		t.Run(name, func(t *testing.T) { f.mustRefuse(f.sign(header, f.claims)) })
	}
}

func TestVerifyAccessRefusesClaims(t *testing.T) {
	f := newForger(t)
	for name, claims := range map[string]string{
		"another iss":            f.other(f.claims, issuer, "https://evil.example"),
		"iss with a slash":       f.other(f.claims, issuer, issuer+"/"),
		"another aud":            f.other(f.claims, audience, "https://other.example"),
		"aud a list":             f.other(f.claims, `"`+audience+`"`, `["`+audience+`"]`),
		"type refresh":           f.other(f.claims, `"access"`, `"refresh"`),
		"type in capitals":       f.other(f.claims, `"access"`, `"Access"`),
		"exp a string":           f.other(f.claims, `1800003600`, `"1800003600"`),
		"exp a fraction":         f.other(f.claims, `1800003600`, `1800003600.5`),
		"exp with an exponent":   f.other(f.claims, `1800003600`, `18e8`),
		"exp beyond int64":       f.other(f.claims, `1800003600`, `99999999999999999999`),
		"exp beyond 9999":        f.other(f.claims, `1800003600`, `9223372036854775807`),
		"exp null":               f.other(f.claims, `1800003600`, `null`),
		"exp past":               f.other(f.claims, `1800003600`, `1799999999`),
		"exp negative":           f.other(f.claims, `1800003600`, `-1`),
		"iat a string":           f.other(f.claims, `1800000000`, `"1800000000"`),
		"iat in the future":      f.other(f.claims, `1800000000`, `1800000100`),
		"nbf in the future":      f.other(f.claims, `{`, `{"nbf":1800000100,`),
		"nbf a string":           f.other(f.claims, `{`, `{"nbf":"0",`),
		"iat after exp":          f.other(f.claims, `1800000000`, `1800003601`),
		"no iss":                 f.other(f.claims, `"iss":`, `"x":`),
		"no sub":                 f.other(f.claims, `"sub":`, `"x":`),
		"no aud":                 f.other(f.claims, `"aud":`, `"x":`),
		"no exp":                 f.other(f.claims, `"exp":`, `"x":`),
		"no iat":                 f.other(f.claims, `"iat":`, `"x":`),
		"no jti":                 f.other(f.claims, `"jti":`, `"x":`),
		"no sid":                 f.other(f.claims, `"sid":`, `"x":`),
		"no type":                f.other(f.claims, `"type":`, `"x":`),
		"EXP":                    f.other(f.claims, `"exp":`, `"EXP":`),
		"exp twice":              f.other(f.claims, `{`, `{"exp":1,`),
		"sub twice, the same":    f.other(f.claims, `{`, `{"sub":"`+alice.String()+`",`),
		"an unknown claim twice": f.other(f.claims, `{`, `{"x":1,"x":1,`),
		"a nested name twice":    f.other(f.claims, `{`, `{"x":{"y":1,"y":1},`),
		"sub escaped twice":      f.other(f.claims, `{`, `{"s\u0075b":"`+alice.String()+`",`),
		"sub in capitals":        f.other(f.claims, alice.String(), strings.ToUpper(alice.String())),
		"sub no UUID":            f.other(f.claims, alice.String(), "alice"),
		"sub zero":               f.other(f.claims, alice.String(), "00000000-0000-0000-0000-000000000000"),
		"sid in braces":          f.other(f.claims, aliceSession.String(), "{"+aliceSession.String()+"}"),
		"sid zero":               f.other(f.claims, aliceSession.String(), "00000000-0000-0000-0000-000000000000"),
		"jti empty":              f.other(f.claims, `"token-1"`, `""`),
		"jti a number":           f.other(f.claims, `"token-1"`, `1`),
		"an array":               "[" + f.claims + "]",
		"null":                   "null",
		"empty":                  "",
		"two documents":          f.claims + f.claims,
		"not UTF-8":              f.other(f.claims, `"token-1"`, "\"\xff\""),
		"longer than a token":    f.other(f.claims, `{`, `{"x":"`+strings.Repeat("x", maxToken)+`",`),
	} {
		t.Run(name, func(t *testing.T) { f.mustRefuse(f.sign(f.header, claims)) })
	}
}

func TestVerifyAccessRefusesSpellings(t *testing.T) {
	f := newForger(t)
	raw := f.sign(f.header, f.claims)
	parts := strings.Split(raw, ".")
	for name, text := range map[string]string{
		"empty":                    "",
		"one dot":                  ".",
		"two dots":                 "..",
		"only dots":                strings.Repeat(".", 4_000),
		"four parts":               raw + ".",
		"a part in front":          "." + raw,
		"two parts":                parts[0] + "." + parts[1],
		"no signature":             parts[0] + "." + parts[1] + ".",
		"no claims":                parts[0] + ".." + parts[2],
		"no header":                "." + parts[1] + "." + parts[2],
		"truncated by one":         raw[:len(raw)-1],
		"one byte more":            raw + "A",
		"padded signature":         raw + "==",
		"padded header":            parts[0] + "=." + parts[1] + "." + parts[2],
		"space in front":           " " + raw,
		"line break at the end":    raw + "\n",
		"line break in the middle": raw[:len(raw)-5] + "\r\n" + raw[len(raw)-5:],
		"the limit of the gateway": raw + strings.Repeat("A", 10_000-len(raw)),
		"longer than that":         raw + strings.Repeat("A", 100_000),
		"JSON serialization":       `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `"}`,
		"with the scheme":          "Bearer " + raw,
		"the standard alphabet":    parts[0] + "." + parts[1] + "." + strings.Repeat("+/", 43),
		"unused bits set":          nextLetter(raw),
	} {
		t.Run(name, func(t *testing.T) { f.mustRefuse(text) })
	}
}

func TestVerifyAccessRefusesSignatures(t *testing.T) {
	f := newForger(t)
	foreign, err := GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	rsaID, rsaKey := f.keyOf("RS256")
	published := string(f.by.keys.PublicJWKS())
	hs256 := `{"alg":"HS256","kid":"` + rsaID + `","typ":"JWT"}`
	parts := strings.Split(f.sign(f.header, f.claims), ".")
	none := encode([]byte(f.other(f.header, `"ES256"`, `"none"`)))
	changed := encode([]byte(f.other(f.claims, "token-1", "token-2")))
	oct := f.by.keys.deriving[0]
	asn1 := append([]byte{0x30, 0x44, 2, 32}, make([]byte, 66)...)
	for name, raw := range map[string]string{
		"a foreign key with our kid":    f.signWith(parse(t, foreign, "ES256").signing, f.header, f.claims),
		"a key of the set, another kid": f.signWith(rsaKey, f.header, f.claims),
		"a key of the set, another alg": f.signWith(rsaKey, f.other(f.header, `"ES256"`, `"RS256"`), f.claims),
		"HS256 with the public set":     withHMAC(hs256, f.claims, []byte(published)),
		"HS256 with the public modulus": withHMAC(hs256, f.claims, []byte(privateKeys(t)[1].N)),
		"HS256 with the deriving key":   withHMAC(f.other(hs256, rsaID, oct.id), f.claims, oct.secret),
		"none without a signature":      none + "." + parts[1] + ".",
		"none with a signature":         none + "." + parts[1] + "." + parts[2],
		"the signature of other claims": parts[0] + "." + changed + "." + parts[2],
		"zeros (CVE-2022-21449)":        parts[0] + "." + parts[1] + "." + encode(make([]byte, 64)),
		"ASN.1 instead of two numbers":  parts[0] + "." + parts[1] + "." + encode(asn1),
	} {
		t.Run(name, func(t *testing.T) { f.mustRefuse(raw) })
	}
}

func TestOneKindOfTokenIsNotAnother(t *testing.T) {
	f := newForger(t)
	refresh := sealRefresh(t, f.by.keys, session.RefreshClaims{User: alice, Session: aliceSession, Generation: 7})
	f.mustRefuse(refresh)
	access := f.sign(f.header, f.claims)
	_, err := f.by.keys.OpenRefresh(access)
	mustInvalid(t, access, err)
}

func TestVerifyAccessRefusesAnyChangedByte(t *testing.T) {
	f := newForger(t)
	kid, key := f.keyOf("EdDSA") // which has only one valid signature for a text
	raw := f.signWith(key, `{"alg":"EdDSA","kid":"`+kid+`","typ":"JWT"}`, f.claims)
	for at := range raw {
		for bit := range 8 {
			changed := []byte(raw)
			changed[at] ^= 1 << bit
			f.mustRefuse(string(changed))
		}
	}
}

func withHMAC(header, claims string, key []byte) string {
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(signed))
	return signed + "." + encode(hash.Sum(nil))
}

// nextLetter changes only the unused bits at the end of base64url, so that a lax decoder would return the same bytes.
func nextLetter(raw string) string {
	return raw[:len(raw)-1] + string(raw[len(raw)-1]+1)
}

func first[A, B any](a A, _ B) A { return a }
