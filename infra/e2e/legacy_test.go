package e2e_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// legacyHashes contains hashes of the usual test password in the formats of other systems, the first with Django's default
// cost.
var legacyHashes = map[string]string{
	"django":  "pbkdf2_sha256$1000000$3XrnAIT49J0sdHeznpZwR2$GkbNqnDgnjhCJ5E+FbJqc0aJq0TmUf/19yQnr+eyhUE=",
	"prehash": "bcrypt_sha256$$2b$04$b0gCk8EQMwvILLcBM3hif.QLP9MCjap7eBg/QicdjAYlRjx.ZW7YS",
	"bcrypt":  "$2b$04$9/LBNVRqokm9WlGymVVwoeGXGE4Vk3ey1.ASedqXID10B1ovpX1by",
}

const currentHash = "$argon2id$v=19$m=19456,t=2,p=1$"

// registerWithHash registers a user, replaces its password hash, and returns the key of the account.
func registerWithHash(t *testing.T, name, hash string) string {
	t.Helper()
	key := "U#" + userID(t, register(t, name))
	sharedTables().Set(t, "Users", key, "P", map[string]types.AttributeValue{"phc": &types.AttributeValueMemberS{Value: hash}})
	return key
}

// account returns the item of an account.
func account(t *testing.T, key string) map[string]types.AttributeValue {
	t.Helper()
	for _, item := range sharedTables().Items(t, "Users") {
		if item["pk"].(*types.AttributeValueMemberS).Value == key {
			return item
		}
	}
	t.Fatalf("got no account with the key %s", key)
	return nil
}

func hashOf(t *testing.T, key string) string {
	t.Helper()
	return account(t, key)["phc"].(*types.AttributeValueMemberS).Value
}

// TestALegacyHashIsReplaced checks that a wrong password changes nothing, and that the first login replaces the hash without
// additional store calls.
func TestALegacyHashIsReplaced(t *testing.T) {
	pauseMailer(t)
	for format, hash := range legacyHashes {
		t.Run(format, func(t *testing.T) {
			name := uniqueName("legacy")
			key := registerWithHash(t, name, hash)
			before := account(t, key)
			for _, path := range []string{"/api/auth/login", "/api/auth/session/login"} {
				if got := post(t, path, `{"username":"`+name+`","password":"SecurePass123?"}`); got.Status != http.StatusForbidden {
					t.Errorf("%s with a wrong password: got %v, want 403", path, got)
				}
			}
			if after := account(t, key); !reflect.DeepEqual(after, before) {
				t.Errorf("after the wrong passwords: got the account %v, want %v", after, before)
			}
			shared.Tap.Reset()
			login(t, name)
			if got, want := spent(), "BatchGetItem GetItem UpdateItem UpdateItem PutItem r3 w3"; got != want {
				t.Errorf("the first login: got the calls %q, want %q", got, want)
			}
			replaced := hashOf(t, key)
			if !strings.HasPrefix(replaced, currentHash) {
				t.Errorf("after the first login: got the hash %s, want one that starts with %s", replaced, currentHash)
			}
			login(t, name)
			cookieLogin(t, name)
			if got := hashOf(t, key); got != replaced {
				t.Errorf("after further logins: got the hash %s, want %s", got, replaced)
			}
		})
	}
}

// TestUnaffordableHashes checks that a stored hash that would take too long to check has the same response as a wrong
// password.
func TestUnaffordableHashes(t *testing.T) {
	for kind, hash := range map[string]string{
		"costly":  "$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"slow":    "$2b$31$9/LBNVRqokm9WlGymVVwoeGXGE4Vk3ey1.ASedqXID10B1ovpX1by",
		"unknown": "in no format",
	} {
		name := uniqueName("hash")
		registerWithHash(t, name, hash)
		got, unknown := post(t, "/api/auth/login", credentials(name)), post(t, "/api/auth/login", credentials(uniqueName("unknown")))
		if got.Status != http.StatusForbidden || got.Member("detail") != unknown.Member("detail") {
			t.Errorf("login with a hash that is %s: got %v, want %v", kind, got, unknown)
		}
	}
	if !strings.Contains(logs.String(), "password_hash_unusable") {
		t.Error("the logs do not contain password_hash_unusable")
	}
}
