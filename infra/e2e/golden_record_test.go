package e2e_test

import (
	"crypto/rand"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/app"
	"latchkey/pkg/token"
)

var updateGolden = flag.Bool("update-golden", false, "record "+goldenFolder+" with the code under test, in place of a former version")

// tenYears is the longest lifetime that the configuration takes, in seconds: the recorded credentials work that long.
const tenYears = "315360000"

// goldenEnvironment makes everything live as long as it can.
var goldenEnvironment = map[string]string{
	"ACCESS_TOKEN_SECONDS": tenYears, "REFRESH_TOKEN_SECONDS": tenYears, "SESSION_MAX_SECONDS": tenYears,
	"REFRESH_GRACE_SECONDS": tenYears, "SESSION_IDLE_SECONDS": tenYears, "SESSION_ABSOLUTE_SECONDS": tenYears,
	"VERIFICATION_TOKEN_SECONDS": "86400", "RESET_TOKEN_SECONDS": "86400", "OAUTH_STATE_SECONDS": "3600", // see present
}

const (
	goldenPassword = "SecurePass123!"
	newPassword    = "NewSecurePass456!"
)

// addedAttributes are those that later versions added. Items without them must stay readable, which TestGoldenItems checks.
var addedAttributes = []string{"forgiven", "streak"}

// TestGoldenShapes: the code under test writes items of the same types with the same attributes as the former version, apart from the
// added ones. Counts of permits are left out: each is read in one minute only.
func TestGoldenShapes(t *testing.T) {
	fresh := record(t)
	if *updateGolden {
		fresh.save(t)
		return
	}
	got, want := shapes(fresh.items), shapes(readGolden(t, nil).items)
	kinds := maps.Clone(want)
	maps.Copy(kinds, got)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if !slices.Equal(got[kind], want[kind]) {
			t.Errorf("items of type %q, see pkg/dynamo/schema.go and records.go: got the attributes\n\t%s\nwant, as in %s,\n\t%s", kind,
				strings.Join(missingFrom(want[kind], got[kind]), "\n\t"), goldenFolder,
				strings.Join(missingFrom(got[kind], want[kind]), "\n\t"))
		}
	}
}

// missingFrom returns those of list that are not in other.
func missingFrom(other, list []string) (missing []string) {
	for _, each := range list {
		if !slices.Contains(other, each) {
			missing = append(missing, each)
		}
	}
	return missing
}

// shapes returns the attribute lists of the items, by type of item, each list once.
func shapes(tables map[string][]storedItem) map[string][]string {
	all := map[string][]string{}
	for table, items := range tables {
		for _, item := range items {
			if strings.HasPrefix(item.text("pk"), "R#L#") {
				continue
			}
			var attributes []string
			for name, value := range item {
				if slices.Contains(addedAttributes, name) {
					continue
				}
				attributes = append(attributes, name+":"+attributeType(name, value))
			}
			slices.Sort(attributes)
			kind, shape := table+" "+itemType(item), strings.Join(attributes, " ")
			if !slices.Contains(all[kind], shape) {
				all[kind] = append(all[kind], shape)
			}
		}
	}
	for _, list := range all {
		slices.Sort(list)
	}
	return all
}

// itemType is the part of an item's key that is the same for all items of a type, with its kind, purpose and state.
func itemType(item storedItem) string {
	parts := strings.Split(item.text("pk"), "#")
	if len(parts) > 2 { // a counter, or an identity of a provider
		parts[len(parts)-1] = ""
	}
	if parts[0] != "R" && parts[0] != "I" || parts[1] == "G" {
		parts[1] = ""
	}
	sort := item.text("sk")
	if parts[0] == "S" {
		sort = ""
	}
	words := []string{strings.TrimRight(strings.Join(parts, "#"), "#") + "#", sort}
	if parts[0] == "R" && parts[1] == "" {
		words[0] = "R#G#" + map[bool]string{true: "device"}[len(parts) > 4]
	}
	for _, name := range []string{"kind", "purpose", "state", "provider"} {
		words = append(words, item.text(name))
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// attributeType is the type of a value, with the unit of a time.
func attributeType(name string, value map[string]any) string {
	for kind, value := range value {
		number, _ := value.(string)
		switch {
		case kind != "N":
			return kind
		case len(number) >= len("1700000000000"):
			return "N in milliseconds"
		case len(number) >= len("1700000000"):
			return "N in seconds"
		default:
			return kind
		}
	}
	return "nothing of " + name
}

// record has clients of all kinds use a new stack, and returns what it has stored and what they hold.
func record(t *testing.T) *golden {
	t.Helper()
	keys, err := token.GenerateKeySet(rand.Reader, "ES256", "RS256", "EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	g := startGolden(t, string(keys), goldenEnvironment)
	g.signInAtProviders()
	clients := map[string]goldenClient{}
	g.recordNeutral(t, clients)
	g.recordSessions(t, clients)
	g.recordPasswords(t, clients)
	g.recordLinks(t, clients)
	g.recordIdentities(t, clients)
	g.recordGuesses(t, clients)
	g.recordMails(t, clients)
	return &golden{
		Recorded: time.Now().UTC().Truncate(time.Second), Providers: g.addresses(), Clients: clients, keys: string(keys), items: g.read(t),
	}
}

// tokens reads a response with a token pair, which must be one.
func (goldenStack) tokens(t *testing.T, got response) goldenClient {
	t.Helper()
	client := goldenClient{Access: got.Member("access_token"), Refresh: got.Member("refresh_token"), Device: cookieNamed(got, "device")}
	if client.Access == "" || client.Refresh == "" {
		t.Fatalf("got %v, want tokens", got)
	}
	return client
}

// cookieNamed returns a cookie that a response sets, as a header; empty if there is none.
func cookieNamed(got response, name string) string {
	for _, set := range got.Header.Values("Set-Cookie") {
		if pair, _, _ := strings.Cut(set, ";"); strings.HasPrefix(pair, name+"=") {
			return "Cookie: " + pair
		}
	}
	return ""
}

// must fails the test unless a response has the status.
func must(t *testing.T, got response, status int) response {
	t.Helper()
	if got.Status != status {
		t.Fatalf("got %v, want %d", got, status)
	}
	return got
}

// link returns the token of the nth mail to the account of that name.
func (g goldenStack) link(t *testing.T, name string, nth int) string {
	t.Helper()
	return awaitMailAt(t, g.MailURL, name+"@example.com", nth).token(t)
}

// signUp registers an account and waits for its first mail.
func (g goldenStack) signUp(t *testing.T, name string) goldenClient {
	t.Helper()
	client := g.tokens(t, g.post(t, "/api/auth/register", registration(name)))
	client.Link = g.link(t, name, 1)
	client.User = g.get(t, "/api/auth/me", bearer(client.Access)).Body
	return client
}

// set changes attributes of an account, as an operator does.
func (g goldenStack) set(t *testing.T, client goldenClient, attributes map[string]types.AttributeValue) {
	t.Helper()
	g.tables.Set(t, "Users", "U#"+(response{Body: client.User}).Member("id"), "P", attributes)
}

func truth(value bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: value} }

// recordNeutral registers where a response does not report whether an address is known.
func (g goldenStack) recordNeutral(t *testing.T, clients map[string]goldenClient) {
	t.Helper()
	register := func(name, address string) {
		body := fmt.Sprintf(`{"username":%q,"email":%q,"password":%q}`, name, address+"@example.com", goldenPassword)
		settings := map[string]string{"REGISTER_NEUTRAL": "true"}
		must(t, g.postTo(t, app.Register, "/api/auth/register", body, settings), http.StatusCreated)
	}
	for _, name := range []string{"pending", "settled"} {
		register(name, name)
		clients[name] = goldenClient{Link: g.link(t, name, 1)}
	}
	must(t, g.get(t, "/api/auth/verify-email/"+clients["settled"].Link), http.StatusOK)
	register("unlucky", "settled")
	awaitMailAt(t, g.MailURL, "settled@example.com", 2)
}

// recordSessions makes sessions of tokens and cookies.
func (g goldenStack) recordSessions(t *testing.T, clients map[string]goldenClient) {
	t.Helper()
	body := `{"username":"Reader","email":"Reader@Example.COM","password":"SecurePass123!","first_name":"Zoë","last_name":"van Rossum"}`
	must(t, g.post(t, "/api/auth/register", body), http.StatusCreated)
	link := awaitMailAt(t, g.MailURL, "Reader@example.com", 1).token(t)
	must(t, g.get(t, "/api/auth/verify-email/"+link), http.StatusOK)
	reader := g.tokens(t, g.login(t, "reader", goldenPassword))
	reader.Link, reader.User = link, g.get(t, "/api/auth/me", bearer(reader.Access)).Body
	clients["Reader"] = reader

	clerk := g.signUp(t, "clerk")
	g.set(t, clerk, map[string]types.AttributeValue{"staff": truth(true), "superuser": truth(true), "membership": truth(true)})
	clerk.User = g.get(t, "/api/auth/me", bearer(clerk.Access)).Body
	clients["clerk"] = clerk

	rotated := g.signUp(t, "rotated")
	next := g.tokens(t, g.post(t, "/api/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, rotated.Refresh)))
	next.Replaced, next.User = rotated.Refresh, rotated.User
	clients["rotated"] = next

	visitor := g.signUp(t, "visitor")
	for _, name := range []string{"visitor", "renewed"} {
		got := must(t, g.post(t, "/api/auth/session/login", credentials("visitor")), http.StatusOK)
		clients[name] = goldenClient{Cookie: cookieNamed(got, "session_id"), Device: cookieNamed(got, "device"), User: visitor.User}
	}
	g.makeOld(t, "S#"+(response{Body: visitor.User}).Member("id"), "rotated")
	visitor.User = must(t, g.get(t, "/api/auth/me", clients["renewed"].Cookie), http.StatusOK).Body
	clients["visitor"] = goldenClient{Cookie: clients["visitor"].Cookie, Device: clients["visitor"].Device, User: visitor.User}

	disabled := g.signUp(t, "disabled")
	disabled.Cookie = cookieNamed(g.post(t, "/api/auth/session/login", credentials("disabled")), "session_id")
	g.set(t, disabled, map[string]types.AttributeValue{"active": truth(false)})
	clients["disabled"] = disabled
}

// makeOld moves a time of each item below pk two hours back.
func (g goldenStack) makeOld(t *testing.T, pk, attribute string) {
	t.Helper()
	for _, item := range g.read(t)["Sessions"] {
		if !strings.HasPrefix(item.text("pk"), pk) || item[attribute] == nil {
			continue
		}
		at, err := strconv.ParseInt(item[attribute]["N"].(string), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		g.tables.Set(t, "Sessions", item.text("pk"), item.text("sk"), number(attribute, strconv.FormatInt(at-(2*time.Hour).Milliseconds(), 10)))
	}
}

// recordPasswords makes accounts with hashes of other systems.
func (g goldenStack) recordPasswords(t *testing.T, clients map[string]goldenClient) {
	t.Helper()
	for format, hash := range legacyHashes {
		client := g.signUp(t, "from-"+format)
		g.set(t, client, map[string]types.AttributeValue{"phc": &types.AttributeValueMemberS{Value: hash}})
		clients["from-"+format] = client
	}
}

// recordLinks makes accounts whose mailed links are fresh, used or void.
func (g goldenStack) recordLinks(t *testing.T, clients map[string]goldenClient) {
	t.Helper()
	clients["unverified"] = g.signUp(t, "unverified")
	for _, name := range []string{"forgetful", "changed"} {
		client := g.signUp(t, name)
		must(t, g.post(t, "/api/auth/forgot-password", emailBody(name)), http.StatusCreated)
		client.Link = g.link(t, name, 2)
		clients[name] = client
	}
	changed := clients["changed"]
	done := must(t, g.post(t, "/api/auth/reset-password", fmt.Sprintf(`{"token":%q,"new_password":%q}`, changed.Link, newPassword)), http.StatusOK)
	changed.Device = cookieNamed(done, "device")
	clients["changed"] = changed

	disowned := g.signUp(t, "disowned")
	must(t, send(t, g.URL, "POST", "/account/verify-email/"+disowned.Link, "action=not-me", httpclient.Form), http.StatusOK)
	clients["disowned"] = disowned
}

// recordIdentities makes accounts with identities, and sign-ins that are in progress.
func (g goldenStack) recordIdentities(t *testing.T, clients map[string]goldenClient) {
	t.Helper()
	linked, seized := g.signUp(t, "linked"), g.signUp(t, "seized")
	must(t, g.get(t, "/api/auth/verify-email/"+linked.Link, bearer(linked.Access)), http.StatusOK)
	for _, name := range []string{"hub", "hub-disabled", "linked", "seized"} {
		client := g.tokens(t, g.signIn(t, name))
		client.User = g.get(t, "/api/auth/me", bearer(client.Access)).Body
		clients[name] = client
	}
	awaitMailAt(t, g.MailURL, "seized@example.com", 2)
	old := clients["seized"]
	old.Replaced = seized.Refresh
	clients["seized"] = old
	g.set(t, clients["hub-disabled"], map[string]types.AttributeValue{"active": truth(false)})
	clients["flow-github"], clients["flow-google"] = g.begin(t, "github"), g.begin(t, "google")
}

// recordGuesses has strangers guess at an account until they have to wait, and at one that does not exist.
func (g goldenStack) recordGuesses(t *testing.T, clients map[string]goldenClient) {
	t.Helper()
	guessed := g.signUp(t, "guessed")
	guessed.Device = g.tokens(t, g.login(t, "guessed", goldenPassword)).Device
	for range 5 {
		must(t, g.login(t, "guessed", "a wrong password"), http.StatusForbidden)
	}
	awaitMailAt(t, g.MailURL, "guessed@example.com", 2)
	g.makeOld(t, "R#G#", "opens")
	must(t, g.login(t, "guessed", "a wrong password"), http.StatusForbidden)
	must(t, g.login(t, "guessed", "a wrong password", guessed.Device), http.StatusForbidden)
	must(t, g.login(t, "no-one", "a wrong password"), http.StatusForbidden)
	guessed.User = g.get(t, "/api/auth/me", bearer(guessed.Access)).Body
	clients["guessed"] = guessed
}

// recordMails leaves mails in the states that a mailer leaves when it is over a limit, dies, or has not come yet.
func (g goldenStack) recordMails(t *testing.T, clients map[string]goldenClient) {
	t.Helper()
	clients["claimed"], clients["waiting"] = g.signUp(t, "claimed"), g.signUp(t, "waiting")
	must(t, g.post(t, "/api/auth/forgot-password", emailBody("forgetful")), http.StatusCreated)
	testkit.Eventually(t, "a void mail, and no other mail that is not sent", func() bool {
		queued, void := 0, 0
		for _, item := range g.read(t)["Sessions"] {
			switch item.text("state") {
			case "queued", "claimed":
				queued++
			case "void":
				void++
			}
		}
		return queued == 0 && void == 2 // the other is the link of disowned
	})
	g.Tap.Inject("UpdateItem", 0, 1<<30, wiretap.Refuse) // a sent mail is not marked
	must(t, g.post(t, "/api/auth/forgot-password", emailBody("claimed")), http.StatusCreated)
	claimed := clients["claimed"]
	claimed.Link = g.link(t, "claimed", 2)
	clients["claimed"] = claimed
	g.Deliveries.Pause()
	g.Tap.Reset()
	for _, name := range []string{"waiting", "nobody"} {
		must(t, g.post(t, "/api/auth/forgot-password", emailBody(name)), http.StatusCreated)
	}
}
