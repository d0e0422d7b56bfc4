package e2e_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Hashes of the password of credentials as other systems have left them, the first with Django's default cost.
var legacyHashes = map[string]string{
	"django":  "pbkdf2_sha256$1000000$3XrnAIT49J0sdHeznpZwR2$GkbNqnDgnjhCJ5E+FbJqc0aJq0TmUf/19yQnr+eyhUE=",
	"prehash": "bcrypt_sha256$$2b$04$b0gCk8EQMwvILLcBM3hif.QLP9MCjap7eBg/QicdjAYlRjx.ZW7YS",
	"bcrypt":  "$2b$04$9/LBNVRqokm9WlGymVVwoeGXGE4Vk3ey1.ASedqXID10B1ovpX1by",
}

const currentHash = "$argon2id$v=19$m=19456,t=2,p=1$"

// withHash registers a user and gives it a hash from elsewhere. It returns the key of the account.
func withHash(t *testing.T, name, hash string) string {
	t.Helper()
	key := "U#" + me(t, bearer(register(t, name))).Member("id")
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
	t.Fatalf("there is no account %s", key)
	return nil
}

func hashOf(t *testing.T, key string) string {
	t.Helper()
	return account(t, key)["phc"].(*types.AttributeValueMemberS).Value
}

// TestALegacyHashIsReplaced: a wrong password changes nothing; the right one replaces the hash in the login's own calls,
// and counts from then on by the new one.
func TestALegacyHashIsReplaced(t *testing.T) {
	quiet(t)
	for name, hash := range legacyHashes {
		t.Run(name, func(t *testing.T) {
			user := "legacy-" + name
			key := withHash(t, user, hash)
			before := account(t, key)
			for _, path := range []string{"/api/auth/login", "/api/auth/session/login"} {
				if got := post(t, path, `{"username":"`+user+`","password":"SecurePass123?"}`); got.Status != http.StatusForbidden {
					t.Errorf("a wrong password: %v", got)
				}
			}
			if after := account(t, key); !reflect.DeepEqual(after, before) {
				t.Errorf("a wrong password changed the account to %v", after)
			}
			shared.tap.Reset()
			login(t, user)
			if got := spent(shared); got != "GetItem GetItem UpdateItem PutItem r2 w2" {
				t.Errorf("the first login spent %q", got)
			}
			renewed := hashOf(t, key)
			if !strings.HasPrefix(renewed, currentHash) {
				t.Errorf("the hash is %s", renewed)
			}
			login(t, user)
			cookieLogin(t, user)
			if again := hashOf(t, key); again != renewed {
				t.Errorf("another login made it %s", again)
			}
		})
	}
}

func TestManyFirstLoginsOverHTTP(t *testing.T) {
	key := withHash(t, "popular", legacyHashes["bcrypt"])
	paths := []string{"/api/auth/login", "/api/auth/session/login"}
	statuses := atOnce(t, 5, func(i int) (response, error) {
		return try(t.Context(), shared.URL, "POST", paths[i%2], credentials("popular"), "Content-Type: application/json")
	})
	if statuses[http.StatusOK] != 5 {
		t.Errorf("the statuses are %v", statuses)
	}
	if hash := hashOf(t, key); !strings.HasPrefix(hash, currentHash) {
		t.Errorf("the hash is %s", hash)
	}
	login(t, "popular")
}

// TestAHashThatNobodyCanAfford is answered like a wrong password, and at once.
func TestAHashThatNobodyCanAfford(t *testing.T) {
	for name, hash := range map[string]string{
		"costly": "$argon2id$v=19$m=4294967295,t=4294967295,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"slow":   "$2b$31$9/LBNVRqokm9WlGymVVwoeGXGE4Vk3ey1.ASedqXID10B1ovpX1by",
		"no":     "in no format",
	} {
		withHash(t, name+"-hash", hash)
		refused, unknown := post(t, "/api/auth/login", credentials(name+"-hash")), post(t, "/api/auth/login", credentials("no-one"))
		if refused.Status != http.StatusForbidden || refused.Member("detail") != unknown.Member("detail") {
			t.Errorf("%s: the answer is %v", name, refused)
		}
	}
	if log := shared.logs.String(); !strings.Contains(log, "password_hash_unusable") {
		t.Error("nothing of it is in the log")
	}
}
