package e2e_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
)

// forgedHeaders returns tokens with one fault in the header, correctly signed.
func (f *forger) forgedHeaders() map[string]string {
	f.t.Helper()
	kid := `"` + f.kid + `"`
	return map[string]string{
		"alg none":           f.withHeader(`"EdDSA"`, `"none"`),
		"alg nOnE":           f.withHeader(`"EdDSA"`, `"nOnE"`),
		"alg empty":          f.withHeader(`"EdDSA"`, `""`),
		"alg of another key": f.withHeader(`"EdDSA"`, `"ES256"`),
		"alg in lower case":  f.withHeader(`"EdDSA"`, `"eddsa"`),
		"alg a number":       f.withHeader(`"EdDSA"`, `256`),
		"duplicate alg":      f.withHeader(`{`, `{"alg":"EdDSA",`),
		"ALG":                f.withHeader(`"alg"`, `"ALG"`),
		"no alg":             f.withHeader(`"alg":"EdDSA",`, ``),
		"no kid":             f.withHeader(`"kid":`+kid+`,`, ``),
		"kid null":           f.withHeader(kid, `null`),
		"duplicate kid":      f.withHeader(`{`, `{"kid":"x",`),
		"kid unknown":        f.withHeader(kid, `"unknown"`),
		"kid of the RSA key": f.withHeader(f.kid, f.key("RS256")["kid"]),
		"kid of the oct key": f.withHeader(f.kid, f.key("HS256")["kid"]),
		"kid of 5 kB":        f.withHeader(kid, `"`+strings.Repeat("k", 5_000)+`"`),
		"kid a path":         f.withHeader(kid, `"../../../../dev/null"`),
		"kid with NUL":       f.withHeader(kid, `"`+f.kid+`\u0000"`),
		"crit":               f.withHeader(`{`, `{"crit":["exp"],`),
		"empty crit":         f.withHeader(`{`, `{"crit":[],`),
		"b64 false":          f.withHeader(`{`, `{"b64":false,`),
		"zip":                f.withHeader(`{`, `{"zip":"DEF",`),
		"typ at+jwt":         f.withHeader(`"JWT"`, `"at+jwt"`),
		"not UTF-8":          f.withHeader(kid, "\"\xff\""),
		"a lone surrogate":   f.withHeader(kid, `"\ud800"`),
		"an array":           f.sign("["+f.header+"]", f.claims),
		"two documents":      f.sign(f.header+f.header, f.claims),
		"null":               f.sign("null", f.claims),
		"empty":              f.sign("", f.claims),
		"nested 1,500 times": f.sign(strings.Repeat("[", 1_500), f.claims),
	}
}

// forgedClaims returns tokens with one fault in the claims, correctly signed.
func (f *forger) forgedClaims() map[string]string {
	f.t.Helper()
	tokens := map[string]string{
		"another iss":             f.with("iss", `"https://evil.example"`),
		"iss with a slash":        f.with("iss", `"`+shared.URL+`/"`),
		"another aud":             f.with("aud", `"https://other.example"`),
		"aud a list":              f.with("aud", `["`+shared.URL+`"]`),
		"type refresh":            f.with("type", `"refresh"`),
		"type in upper case":      f.with("type", `"ACCESS"`),
		"exp a string":            f.with("exp", `"9999999999"`),
		"exp a fraction":          f.with("exp", `9999999999.5`),
		"exp with an exponent":    f.with("exp", `1e10`),
		"exp beyond int64":        f.with("exp", `99999999999999999999`),
		"exp beyond 9999":         f.with("exp", `9223372036854775807`),
		"exp null":                f.with("exp", `null`),
		"exp negative":            f.with("exp", `-1`),
		"expired":                 f.with("iat", `1700000000`, "exp", `1700003600`),
		"iat a string":            f.with("iat", `"1700000000"`),
		"iat in the future":       f.with("iat", `9999999990`, "exp", `9999999999`),
		"iat after exp":           f.with("iat", `9999999999`),
		"jti empty":               f.with("jti", `""`),
		"jti a number":            f.with("jti", `1`),
		"sub not a UUID":          f.with("sub", `"hostile"`),
		"sub in upper case":       f.with("sub", `"`+strings.ToUpper("a"+f.user.id[1:])+`"`),
		"sub zero":                f.with("sub", `"00000000-0000-0000-0000-000000000000"`),
		"sub a key of the store":  f.with("sub", `"U#`+f.user.id+`"`),
		"sid in braces":           f.with("sid", `"{`+f.user.session(f.t)+`}"`),
		"sid zero":                f.with("sid", `"00000000-0000-0000-0000-000000000000"`),
		"EXP":                     f.withClaims(`"exp":`, `"EXP":`),
		"duplicate exp":           f.withClaims(`{`, `{"exp":1,`),
		"duplicate sub":           f.withClaims(`{`, `{"sub":"`+f.user.id+`",`),
		"duplicate sub, escaped":  f.withClaims(`{`, `{"s\u0075b":"`+f.user.id+`",`),
		"duplicate unknown claim": f.withClaims(`{`, `{"x":1,"x":1,`),
		"not UTF-8":               f.withClaims(`{`, "{\"x\":\"\xff\","),
		"an array":                f.sign(f.header, "["+f.claims+"]"),
		"two documents":           f.sign(f.header, f.claims+f.claims),
		"null":                    f.sign(f.header, "null"),
		"empty":                   f.sign(f.header, ""),
		"claims too long":         f.withClaims(`{`, `{"x":"`+strings.Repeat("x", 4_096)+`",`),
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "sid", "type"} {
		tokens["no "+name] = f.withClaims(`"`+name+`":`, `"x":`)
	}
	return tokens
}

// malformedTokens returns texts that almost have the form of a valid token.
func (f *forger) malformedTokens() map[string]string {
	raw := f.sign(f.header, f.claims)
	parts := strings.Split(raw, ".")
	last := raw[len(raw)-1]
	return map[string]string{
		"one dot":                  ".",
		"two dots":                 "..",
		"4,000 dots":               strings.Repeat(".", 4_000),
		"four parts":               raw + ".",
		"an empty part in front":   "." + raw,
		"two parts":                parts[0] + "." + parts[1],
		"no signature":             parts[0] + "." + parts[1] + ".",
		"no claims":                parts[0] + ".." + parts[2],
		"no header":                "." + parts[1] + "." + parts[2],
		"truncated by one":         raw[:len(raw)-1],
		"one letter added":         raw + "A",
		"padded signature":         raw + "==",
		"padded header":            parts[0] + "=." + parts[1] + "." + parts[2],
		"a space between parts":    parts[0] + ". " + parts[1] + "." + parts[2],
		"escaped":                  strings.Replace(raw, ".", "%2E", 1),
		"not ASCII":                raw + "é",
		"standard base64 alphabet": parts[0] + "." + parts[1] + "." + strings.Repeat("+/", 43),
		"unused bits set":          raw[:len(raw)-1] + string(last+1),
		"with the scheme":          "Bearer " + raw,
		"two tokens":               raw + "," + raw,
		"in quotes":                `"` + raw + `"`,
		"JSON serialization":       `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"10,000 letters":           raw + strings.Repeat("A", 10_000-len(raw)),
	}
}

// forgedSignatures returns tokens whose signature does not belong to the header and the claims.
func (f *forger) forgedSignatures() map[string]string {
	f.t.Helper()
	published := get(f.t, jwksPath).Body
	der, err := x509.MarshalPKIXPublicKey(f.private.Public())
	if err != nil {
		f.t.Fatal(err)
	}
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	hs256 := replace(f.t, f.header, "EdDSA", "HS256")
	oct := f.key("HS256")
	none := encode64(replace(f.t, f.header, `"EdDSA"`, `"none"`))
	valid, forged := strings.Split(f.user.access, "."), strings.Split(f.sign(f.header, f.claims), ".")
	tokens := map[string]string{
		"HS256 with the published set":   signWithHMAC([]byte(published), hs256, f.claims),
		"HS256 with the public key, PEM": signWithHMAC(inPEM, hs256, f.claims),
		"HS256 with the public key, DER": signWithHMAC(der, hs256, f.claims),
		"HS256 with the public key, raw": signWithHMAC(der[len(der)-32:], hs256, f.claims),
		"HS256 with the deriving key":    signWithHMAC(decode64(f.t, oct["k"]), replace(f.t, hs256, f.kid, oct["kid"]), f.claims),
		"HS256 with an empty key":        signWithHMAC(nil, hs256, f.claims),
		"none without a signature":       none + "." + forged[1] + ".",
		"none with a signature":          none + "." + forged[1] + "." + forged[2],
		"signature of another key":       valid[0] + "." + valid[1] + "." + forged[2],
		"header of another key":          forged[0] + "." + valid[1] + "." + valid[2],
		"signature of other claims":      withPayload(f.t, f.user.access, f.user.id, "00000000-0000-4000-8000-000000000000"),
		"zeros (CVE-2022-21449)":         valid[0] + "." + valid[1] + "." + encode64(make([]byte, 64)),
	}
	for part, name := range []string{"header", "claims", "signature"} {
		data := decode64(f.t, forged[part])
		for _, at := range []int{0, len(data) / 2, len(data) - 1} {
			changed := append([]string(nil), forged...)
			changed[part] = encode64(flipBit(data, at, 0))
			tokens[fmt.Sprintf("one bit changed in the %s, byte %d", name, at)] = strings.Join(changed, ".")
		}
	}
	return tokens
}

// foreignTokens returns tokens of the impostor and tokens that point to it, each with another hint at its key.
func (f *forger) foreignTokens(foreign *impostor) map[string]string {
	f.t.Helper()
	tokens := map[string]string{
		"our kid":                signWith(foreign.private, f.header, f.claims),
		"kid a URL":              signWith(foreign.private, replace(f.t, f.header, f.kid, foreign.url), f.claims),
		"its own iss":            signWith(foreign.private, f.header, replace(f.t, f.claims, shared.URL, foreign.url)),
		"jku, signed by our key": f.withHeader(`{`, `{"jku":"`+foreign.url+`",`),
		"jwk, signed by our key": f.withHeader(`{`, `{"jwk":`+foreign.jwk+`,`),
		"x5u, signed by our key": f.withHeader(`{`, `{"x5u":"`+foreign.url+`",`),
		"no kid":                 signWith(foreign.private, `{"alg":"EdDSA","typ":"JWT"}`, f.claims),
		"unknown kid":            signWith(foreign.private, replace(f.t, f.header, f.kid, "theirs"), f.claims),
	}
	for hint, value := range map[string]string{
		"jku": `"` + foreign.url + `"`, "x5u": `"` + foreign.url + `"`, "jwk": foreign.jwk, "x5c": `["MIIB"]`,
	} {
		tokens[hint] = signWith(foreign.private, replace(f.t, f.header, `{`, `{"`+hint+`":`+value+`,`), f.claims)
	}
	return tokens
}

// refreshFields contains the index of the first and of the last byte of each field of a refresh token.
var refreshFields = []struct {
	name        string
	first, last int
}{
	{"version", 0, 0}, {"key tag", 1, 4}, {"user", 5, 20}, {"session", 21, 36}, {"generation", 37, 40}, {"MAC", 41, 72},
}

// refreshTokens returns forged refresh tokens. Those with a correct MAC state something that the service never seals.
func (f *forger) refreshTokens() map[string]string {
	f.t.Helper()
	raw := f.user.refresh
	data := decode64(f.t, raw)
	secret := f.key("HS256")["k"]
	tokens := map[string]string{
		"truncated by one":     raw[:len(raw)-1],
		"one letter added":     raw + "A",
		"padded":               raw + "=",
		"without its MAC":      encode64(data[:41]),
		"repeated":             raw + raw,
		"all zeros":            encode64(make([]byte, len(data))),
		"of another purpose":   f.sealed(secret, "latchkey/verify-email/v1\x00", data),
		"of no purpose":        f.sealed(secret, "", data),
		"of another version":   f.sealed(secret, refreshLabel, flipBit(data, 0, 0)),
		"of another key's tag": f.sealed(secret, refreshLabel, flipBit(data, 1, 0)),
		"by another secret":    f.sealed(f.key("EdDSA")["d"], refreshLabel, data),
		"letters only":         strings.Repeat("A", len(raw)),
		"unused bits set":      raw[:len(raw)-1] + string(raw[len(raw)-1]+1),
	}
	for _, field := range refreshFields {
		for _, at := range []int{field.first, field.last} {
			for bit := range 8 {
				tokens[fmt.Sprintf("%s, byte %d, bit %d", field.name, at, bit)] = encode64(flipBit(data, at, bit))
			}
		}
	}
	return tokens
}
