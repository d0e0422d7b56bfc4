package e2e_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/githubtest"
)

// TestASignInByAProviderMakesRoom: with the room of the account used up, it ends the sessions that are over, as login does.
func TestASignInByAProviderMakesRoom(t *testing.T) {
	who := newPerson(t)
	first := who.callback(t)
	user := me(t, bearer(first.Member("access_token"))).Member("id")
	for _, session := range sessionKeys(t, user) {
		sharedTables().Set(t, "Sessions", "S#"+user, session, number("exp", "1"))
	}
	sharedTables().Set(t, "Users", "U#"+user, "P", number("room", "1"))
	if got := who.callback(t); got.Status != http.StatusOK {
		t.Fatalf("signing in again: %v", got)
	}
	if left := sessionKeys(t, user); len(left) != 1 {
		t.Errorf("%d sessions are left, not that of the last sign-in alone", len(left))
	}
}

func number(attribute, value string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attribute: &types.AttributeValueMemberN{Value: value}}
}

// sessionKeys are the sort keys of a user's sessions.
func sessionKeys(t *testing.T, user string) []string {
	t.Helper()
	var keys []string
	for _, item := range sharedTables().Items(t, "Sessions") {
		if item["pk"].(*types.AttributeValueMemberS).Value == "S#"+user {
			keys = append(keys, item["sk"].(*types.AttributeValueMemberS).Value)
		}
	}
	return keys
}

// TestAnotherIdentityOfTheSameAddress takes the place of the former one at that provider, and ends the sessions it had opened.
func TestAnotherIdentityOfTheSameAddress(t *testing.T) {
	who := registeredPerson(t)
	former := who.callback(t)
	account := me(t, bearer(former.Member("access_token"))).Member("id")
	named++
	shared.github.SignIn(githubtest.User{ID: int64(named), Login: "another-" + who.name, Emails: []githubtest.Email{
		{Email: who.name + "@example.com", Primary: true, Verified: true},
	}})
	begun := startFlow(t, "github")
	got := begun.finish(t, begun.consent(t, "another-"+who.name))
	if got.Status != http.StatusOK || me(t, bearer(got.Member("access_token"))).Member("id") != account {
		t.Fatalf("the other identity: %v", got)
	}
	if after := post(t, "/api/auth/me", "", bearer(former.Member("access_token"))); after.Status != http.StatusUnauthorized {
		t.Errorf("a session of the former identity: %v", after)
	}
}
