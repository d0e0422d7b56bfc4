package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/id"
)

// TestBudgets holds the calls and capacity units of each endpoint for the guide's payload, counted between the function
// and the engine.
func TestBudgets(t *testing.T) {
	token := register(t, "thrifty")
	verification := awaitMail(t, shared.MailURL, "thrifty@example.com", 1).token(t)
	resetToken, pageToken, formToken := mailedReset(t, "resetter"), mailedReset(t, "reader"), mailedReset(t, "writer")
	reset(t, "none", "NewSecurePass456!")
	octocat := newPerson(t)
	octocat.callback(t)
	quiet(t)
	warmUp(t, token)
	another := func(kind string) string {
		token := post(t, "/api/auth/login", credentials("thrifty")).Member(kind)
		shared.tap.Reset()
		return token
	}
	freshCookie := func() string {
		cookie := cookieLogin(t, "thrifty")
		shared.tap.Reset()
		return cookie
	}
	dueCookie := func() string {
		cookie := freshCookie()
		age(t, cookie)
		return cookie
	}
	twiceRefreshed := another("refresh_token")
	refresh(t, refresh(t, twiceRefreshed).Member("refresh_token"))
	loggedOut := another("access_token")
	post(t, "/api/auth/logout", "", bearer(loggedOut))
	tests := map[string]struct {
		request func() response
		status  int
		want    string
	}{
		"register": {func() response {
			return post(t, "/api/auth/register", guideRegistration("budgeter"))
		}, http.StatusCreated, "BatchGetItem TransactWriteItems r2 w10"},
		"register, taken": {func() response { return post(t, "/api/auth/register", registration("thrifty")) },
			http.StatusForbidden, "BatchGetItem r2 w0"},
		"login":            {func() response { return post(t, "/api/auth/login", credentials("thrifty")) }, http.StatusOK, "GetItem GetItem UpdateItem PutItem r2 w2"},
		"login by address": {func() response { return post(t, "/api/auth/login", credentials("thrifty@example.com")) }, http.StatusOK, "GetItem GetItem UpdateItem PutItem r2 w2"},
		"login, wrong":     {func() response { return post(t, "/api/auth/login", `{"username":"thrifty","password":"wrong"}`) }, http.StatusForbidden, "GetItem GetItem r2 w0"},
		"login, unknown":   {func() response { return post(t, "/api/auth/login", credentials("stranger")) }, http.StatusForbidden, "GetItem GetItem r2 w0"},
		"refresh":          {func() response { return refresh(t, another("refresh_token")) }, http.StatusOK, "GetItem UpdateItem r1 w1"},
		// What a refused write costs, one unit here, no engine reports.
		"refresh, reused": {func() response { return refresh(t, twiceRefreshed) }, http.StatusForbidden, "GetItem UpdateItem DeleteItem r1 w1"},
		"refresh, forged": {func() response { return refresh(t, altered(another("refresh_token"), 4)) }, http.StatusForbidden, " r0 w0"},
		"logout": {func() response { return post(t, "/api/auth/logout", "", bearer(another("access_token"))) },
			http.StatusOK, "BatchGetItem DeleteItem r2 w1"},
		"logout, repeated": {func() response { return post(t, "/api/auth/logout", "", bearer(loggedOut)) }, http.StatusUnauthorized, "BatchGetItem r2 w0"},
		"session/login": {func() response { return post(t, "/api/auth/session/login", credentials("thrifty")) },
			http.StatusOK, "GetItem GetItem UpdateItem PutItem r2 w2"},
		"session/login by address": {func() response { return post(t, "/api/auth/session/login", credentials("thrifty@example.com")) },
			http.StatusOK, "GetItem GetItem UpdateItem PutItem r2 w2"},
		"session/login, wrong": {func() response {
			return post(t, "/api/auth/session/login", `{"username":"thrifty","password":"wrong"}`)
		},
			http.StatusForbidden, "GetItem GetItem r2 w0"},
		"session/logout": {func() response { return post(t, "/api/auth/session/logout", "", freshCookie()) },
			http.StatusOK, "BatchGetItem DeleteItem r2 w1"},
		"me by cookie":              {func() response { return post(t, "/api/auth/me", "", freshCookie()) }, http.StatusOK, "BatchGetItem r2 w0"},
		"me by cookie, renewal due": {func() response { return post(t, "/api/auth/me", "", dueCookie()) }, http.StatusOK, "BatchGetItem UpdateItem r2 w1"},
		"me by both":                {func() response { return post(t, "/api/auth/me", "", bearer(token), freshCookie()) }, http.StatusOK, "BatchGetItem r3 w0"},
		"send-verification":         {func() response { return post(t, "/api/auth/send-verification", asEmail("thrifty")) }, http.StatusCreated, "PutItem r0 w1"},
		"forgot-password":           {func() response { return post(t, "/api/auth/forgot-password", asEmail("stranger")) }, http.StatusCreated, "PutItem r0 w1"},
		"verify-email": {func() response { return send(t, shared.URL, "GET", "/api/auth/verify-email/"+verification, "") },
			http.StatusOK, "BatchGetItem TransactWriteItems r1 w4"},
		"verify-email, with a credential": {func() response {
			return send(t, shared.URL, "GET", "/api/auth/verify-email/"+verification, "", bearer(token))
		}, http.StatusOK, "BatchGetItem TransactWriteItems r3 w4"},
		"reset-password":         {func() response { return reset(t, resetToken, "NewSecurePass456!") }, http.StatusOK, "GetItem GetItem TransactWriteItems r2 w6"},
		"reset-password, forged": {func() response { return reset(t, altered(resetToken, 0), "NewSecurePass456!") }, http.StatusForbidden, " r0 w0"},
		"verify-email page": {func() response { return page(t, "GET", "/account/verify-email/"+verification, "") }, http.StatusOK,
			"BatchGetItem GetItem r2 w0"},
		"verify-email form": {func() response { return page(t, "POST", "/account/verify-email/"+verification, "action=verify") }, http.StatusOK,
			"BatchGetItem TransactWriteItems r1 w4"},
		"reset-password page": {func() response { return page(t, "GET", "/account/reset-password/"+pageToken, "") }, http.StatusOK,
			"GetItem GetItem r2 w0"},
		"reset-password form": {func() response {
			return page(t, "POST", "/account/reset-password/"+formToken, "new_password=NewSecurePass456!")
		}, http.StatusOK, "GetItem GetItem TransactWriteItems r2 w6"},
		"health":      {func() response { return send(t, shared.URL, "GET", "/api/auth/health", "") }, http.StatusOK, " r0 w0"}, // half a unit
		"discovery":   {func() response { return send(t, shared.URL, "GET", "/.well-known/openid-configuration", "") }, http.StatusOK, " r0 w0"},
		"me by GET":   {func() response { return send(t, shared.URL, "GET", "/api/auth/me", "", bearer(token)) }, http.StatusOK, "BatchGetItem r2 w0"},
		"jwks":        {func() response { return send(t, shared.URL, "GET", "/.well-known/jwks.json", "") }, http.StatusOK, " r0 w0"},
		"me":          {func() response { return post(t, "/api/auth/me", "", bearer(token)) }, http.StatusOK, "BatchGetItem r2 w0"},
		"oauth start": {func() response { return startFlow(t, "github").response }, http.StatusFound, "PutItem r0 w1"},
		"oauth callback, known": {func() response { return octocat.callback(t) }, http.StatusOK,
			"UpdateItem GetItem GetItem UpdateItem PutItem r2 w3"},
		"oauth callback, new": {func() response { return newPerson(t).callback(t) }, http.StatusOK,
			"UpdateItem GetItem BatchGetItem TransactWriteItems r3 w13"},
		"oauth callback, linking": {func() response { return registeredPerson(t).proven(t).callback(t) }, http.StatusOK,
			"UpdateItem GetItem BatchGetItem GetItem TransactWriteItems r4 w9"},
		"oauth callback, linking with a notice": {func() response { return registeredPerson(t).callback(t) }, http.StatusOK,
			"UpdateItem GetItem BatchGetItem GetItem TransactWriteItems r4 w11"},
		"oauth callback, no cookie": {func() response { return visit(t, "/api/auth/oauth/github/callback?code=x&state="+someState) },
			http.StatusForbidden, " r0 w0"},
		"oauth callback, another browser's": {func() response {
			return visit(t, "/api/auth/oauth/github/callback?code=x&state="+someState, "Cookie: oauth_binding="+someState)
		}, http.StatusForbidden, "UpdateItem r0 w0"}, // and what a refused write costs
		"me, forged":        {func() response { return post(t, "/api/auth/me", "", bearer(altered(token, len(token)-2))) }, http.StatusUnauthorized, " r0 w0"},
		"login, no JSON":    {func() response { return post(t, "/api/auth/login", `{`) }, http.StatusBadRequest, " r0 w0"},
		"register, no JSON": {func() response { return post(t, "/api/auth/register", `{`) }, http.StatusBadRequest, " r0 w0"},
		"not found":         {func() response { return post(t, "/nowhere", `{}`) }, http.StatusNotFound, " r0 w0"},
	}
	covered := coverage{}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			shared.tap.Reset()
			var got response
			covered.note(func() { got = test.request() })
			if got.Status != test.status {
				t.Fatalf("got %v, want %d", got, test.status)
			}
			if got := spent(shared); got != test.want {
				t.Errorf("got %q, want the budget %q", got, test.want)
			}
		})
	}
	covered.require(t, "add its budget to infra/e2e/budgets_test.go", noneExempt)
}

// mailedReset registers a user and returns the token of a mailed reset link.
func mailedReset(t *testing.T, name string) string {
	t.Helper()
	register(t, name)
	awaitMail(t, shared.MailURL, name+"@example.com", 1)
	post(t, "/api/auth/forgot-password", asEmail(name))
	return awaitMail(t, shared.MailURL, name+"@example.com", 2).token(t)
}

// warmUp has a process of each function ready, so that the call at its start is not counted.
func warmUp(t *testing.T, token string) {
	t.Helper()
	post(t, "/api/auth/login", credentials("thrifty"))
	post(t, "/api/auth/me", "", bearer(token))
	post(t, "/api/auth/logout", "")
	refresh(t, "none")
	send(t, shared.URL, "GET", "/.well-known/jwks.json", "")
	post(t, "/api/auth/session/logout", "", cookieLogin(t, "thrifty"))
	post(t, "/nowhere", "")
	for _, path := range []string{
		"/account/verify-email/x", "/account/reset-password/x", "/api/auth/health", "/.well-known/openid-configuration",
	} {
		send(t, shared.URL, "GET", path, "")
	}
}

// age makes the session of a cookie look as if it had last been continued two hours ago.
func age(t *testing.T, cookie string) {
	t.Helper()
	_, value, _ := strings.Cut(cookie, "=")
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	user, session := id.ID(raw[:id.Size]), id.ID(raw[id.Size:2*id.Size])
	before := fmt.Sprint(time.Now().Add(-2 * time.Hour).UnixMilli())
	sharedTables().Set(t, "Sessions", "S#"+user.String(), session.String(), map[string]types.AttributeValue{
		"rotated": &types.AttributeValueMemberN{Value: before},
	})
}

// altered changes one letter of a token into another one of its alphabet.
func altered(token string, at int) string {
	other := "A"
	if token[at] == 'A' {
		other = "B"
	}
	return token[:at] + other + token[at+1:]
}

const warmUpRead = 0.5

// spent sums up the calls since the last reset. A read of half a unit is no request's: it is the warm-up of a process that
// the host has just started beside a busy one. What the limiter spends is told by spentOnLimits.
func spent(h *house) string { return sum(h.tap.Calls()) }

// spentOnLimits sums up what the limiter has spent on its counters.
func spentOnLimits(h *house) string { return sum(h.tap.LimitCalls()) }

func sum(calls []wiretap.Call) string {
	var operations []string
	var read, write float64
	for _, call := range calls {
		if call.Read == warmUpRead {
			continue
		}
		operations = append(operations, call.Operation)
		read += call.Read
		write += call.Write
	}
	return fmt.Sprintf("%s r%v w%v", strings.Join(operations, " "), read, write)
}
