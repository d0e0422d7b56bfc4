package token

import (
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func readVectors(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// TestRFCVectors checks signing and verifying against the examples of RFC 7515 and RFC 8037. Their headers have no kid, so
// the test chooses the key. It also checks that such a header is otherwise refused.
func TestRFCVectors(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name string `json:"name"`
			Alg  string `json:"alg"`
			JWK  jwk    `json:"jwk"`
			JWS  string `json:"jws"`
		} `json:"vectors"`
	}
	readVectors(t, "testdata/rfc_jws.json", &file)
	if len(file.Vectors) != 3 {
		t.Fatalf("got %d vectors, want 3", len(file.Vectors))
	}
	for _, vector := range file.Vectors {
		t.Run(vector.Name, func(t *testing.T) {
			vector.JWK.Algorithm, vector.JWK.KeyID = vector.Alg, "example"
			keys := parse(t, setOf(t, vector.JWK, privateKeys(t)[3]), vector.Alg)
			token, err := splitCompact(vector.JWS)
			if err != nil {
				t.Fatal(err)
			}
			if err := keys.signing.verify(token); err != nil {
				t.Errorf("verify(%s) = %v, want nil", vector.JWS, err)
			}
			if vector.Alg != "ES256" { // its signatures are randomized
				keys.signing.header = token.header
				if got, err := keys.signing.sign([]byte(text(t, token.payload))); err != nil || got != vector.JWS {
					t.Errorf("sign = %s, %v; want %s", got, err, vector.JWS)
				}
			}
			if _, err := keys.keyFor(token.header); err == nil {
				t.Error("keyFor accepted a header without a kid, want an error")
			}
		})
	}
}

func TestThumbprintVectors(t *testing.T) {
	for name, row := range map[string]struct {
		key  jwk
		want string
	}{
		"RFC 7638 3.1": {want: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", key: jwk{
			KeyType: "RSA", E: "AQAB",
			N: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok" +
				"njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu" +
				"6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8a" +
				"wapJzKnqDKgw",
		}},
		"RFC 8037 A.3": {want: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", key: jwk{
			KeyType: "OKP", Curve: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.key.thumbprint(); got != row.want {
				t.Errorf("thumbprint() = %s, want %s", got, row.want)
			}
		})
	}
}

// TestWycheproofVectors passes the published vectors through the steps for an access token, except for its claims: the key set
// is read, the header selects the key, and the signature is checked. Keys for encryption must not be accepted at all.
func TestWycheproofVectors(t *testing.T) {
	var file struct {
		Groups []struct {
			Comment string         `json:"comment"`
			Public  map[string]any `json:"public"`
			Tests   []struct {
				ID      int    `json:"tcId"`
				Comment string `json:"comment"`
				Result  string `json:"result"`
				JWS     string `json:"jws"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	readVectors(t, "testdata/wycheproof_jws.json", &file)
	results := make(map[string]int)
	for _, group := range file.Groups {
		public, err := json.Marshal(group.Public)
		if err != nil {
			t.Fatal(err)
		}
		keys, unusable := ParseKeySet(joinSet(public, generated()), "EdDSA")
		if forEncryption := strings.HasSuffix(group.Comment, "encryption"); forEncryption != (unusable != nil) {
			t.Errorf("%s: ParseKeySet returned the error %v, want one: %v", group.Comment, unusable, forEncryption)
		}
		for _, test := range group.Tests {
			results[test.Result]++
			accepted := unusable == nil && verifies(keys, test.JWS)
			if accepted != (test.Result == "valid") {
				t.Errorf("%s, test %d (%s): got accepted: %v, want %s", group.Comment, test.ID, test.Comment, accepted, test.Result)
			}
		}
	}
	if results["valid"] < 9 || results["invalid"] < 70 {
		t.Errorf("got %v vectors, want at least 9 valid and 70 invalid", results)
	}
}

func joinSet(key, set []byte) []byte {
	return []byte(strings.Replace(string(set), "[", "["+string(key)+",", 1))
}

func verifies(keys *KeySet, raw string) bool {
	token, err := splitCompact(raw)
	if err != nil {
		return false
	}
	key, err := keys.keyFor(token.header)
	return err == nil && key.verify(token) == nil
}
