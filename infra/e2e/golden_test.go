package e2e_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/enginetest"
	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/openidtest"
	"latchkey/infra/testkit/stacktest"
	"latchkey/pkg/app"
)

// goldenFolder holds the tables, the keys and the clients of a former version. Its README describes them.
const goldenFolder = "testdata/golden"

// golden is a population: the items and keys of a stack, and the credentials that its clients hold.
type golden struct {
	Recorded  time.Time
	Providers map[string]string       // addresses of the stand-ins, which are part of the identities
	Clients   map[string]goldenClient // by username

	keys  string // SIGNING_KEYS
	items map[string][]storedItem
}

// goldenClient is what the client of one account holds.
type goldenClient struct {
	Access   string `json:",omitempty"`
	Refresh  string `json:",omitempty"` // of the present generation
	Replaced string `json:",omitempty"` // the refresh token of the generation before
	Cookie   string `json:",omitempty"` // of a session, as a header
	Device   string `json:",omitempty"` // the device cookie, as a header
	Link     string `json:",omitempty"` // the token of a mailed link
	User     string `json:",omitempty"` // the response of me
	Flow     string `json:",omitempty"` // the provider's page of a sign-in in progress
	Binding  string `json:",omitempty"` // the cookie of that sign-in, as a header
}

// storedItem is an item in DynamoDB JSON: each value under the name of its type.
type storedItem map[string]map[string]any

func (i storedItem) text(name string) string {
	value, _ := i[name]["S"].(string)
	return value
}

func encodeItem(item map[string]types.AttributeValue) storedItem {
	stored := storedItem{}
	for name, value := range item {
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			stored[name] = map[string]any{"S": value.Value}
		case *types.AttributeValueMemberN:
			stored[name] = map[string]any{"N": value.Value}
		case *types.AttributeValueMemberBOOL:
			stored[name] = map[string]any{"BOOL": value.Value}
		case *types.AttributeValueMemberB:
			stored[name] = map[string]any{"B": base64.StdEncoding.EncodeToString(value.Value)}
		default:
			panic(fmt.Sprintf("attribute %s is a %T, which no golden item has", name, value))
		}
	}
	return stored
}

func (i storedItem) decode(t *testing.T) map[string]types.AttributeValue {
	t.Helper()
	item := map[string]types.AttributeValue{}
	for name, typed := range i {
		for kind, value := range typed {
			switch kind {
			case "S":
				item[name] = &types.AttributeValueMemberS{Value: value.(string)}
			case "N":
				item[name] = &types.AttributeValueMemberN{Value: value.(string)}
			case "BOOL":
				item[name] = &types.AttributeValueMemberBOOL{Value: value.(bool)}
			case "B":
				raw, err := base64.StdEncoding.DecodeString(value.(string))
				if err != nil {
					t.Fatal(err)
				}
				item[name] = &types.AttributeValueMemberB{Value: raw}
			default:
				t.Fatalf("attribute %s has type %s, which the test does not know", name, kind)
			}
		}
	}
	return item
}

// save writes the population, an item a line.
func (g *golden) save(t *testing.T) {
	t.Helper()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(goldenFolder, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("clients.json", encode(t, g, " "))
	write("test-only-keys.json", g.keys)
	for table, items := range g.items {
		lines := make([]string, len(items))
		for i, item := range items {
			lines[i] = encode(t, item, "")
		}
		write(goldenFile(table), "[\n"+strings.Join(lines, ",\n")+"\n]")
	}
}

func goldenFile(table string) string { return strings.ToLower(table) + ".json" }

func encode(t *testing.T, document any, indent string) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(document); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text.String())
}

// readGolden reads the population of the former version. move, if not nil, changes the text of each file first.
func readGolden(t *testing.T, move func(string) string) *golden {
	t.Helper()
	read := func(name string, document any) string {
		raw, err := os.ReadFile(filepath.Join(goldenFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		if move != nil {
			text = move(text)
		}
		if err := json.Unmarshal([]byte(text), document); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return text
	}
	g := &golden{items: map[string][]storedItem{}}
	read("clients.json", g)
	g.keys = read("test-only-keys.json", &json.RawMessage{})
	for _, table := range []string{"Users", "Sessions"} {
		var items []storedItem
		read(goldenFile(table), &items)
		g.items[table] = items
	}
	return g
}

// goldenStack is a stack of its own for a population, with all that a test needs to visit it.
type goldenStack struct {
	*stacktest.Stack
	tables enginetest.Tables
}

// goldenURL is the PUBLIC_URL of each golden stack, wherever it listens: tokens name it as their issuer.
const goldenURL = "http://localhost:8000"

// startGolden starts a stack with these keys on an engine of its own, with the sign-ins of the population at the providers.
func startGolden(t *testing.T, keys string, environment map[string]string) goldenStack {
	t.Helper()
	all := map[string]string{"PUBLIC_URL": goldenURL, "SIGNING_KEYS": keys, "RATE_LIMIT_FACTOR": unlimited}
	maps.Copy(all, environment)
	started, err := stacktest.Start(t.Context(), stacktest.Options{Environment: all, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	return goldenStack{Stack: started, tables: tablesAt(started.DynamoDBEndpoint)}
}

// postTo sends a request to one function of the stack that has settings of its own.
func (g goldenStack) postTo(t *testing.T, function app.Function, path, body string, settings map[string]string) response {
	t.Helper()
	changed := *g.Template
	changed.Functions = slices.Clone(changed.Functions)
	for i := range changed.Functions {
		environment := maps.Clone(changed.Functions[i].Environment)
		maps.Copy(environment, settings)
		changed.Functions[i].Environment = environment
	}
	folder := path[strings.LastIndex(path, "/")+1:]
	return newContainer(t, &stack.Stack{Template: &changed}, folder, "POST "+path, function).send(t, "127.0.0.1", body, nil)
}

func (g goldenStack) get(t *testing.T, path string, headers ...string) response {
	t.Helper()
	return send(t, g.URL, "GET", path, "", headers...)
}

func (g goldenStack) post(t *testing.T, path, body string, headers ...string) response {
	t.Helper()
	return sendJSON(t, g.URL, path, body, headers...)
}

func (g goldenStack) login(t *testing.T, name, password string, headers ...string) response {
	t.Helper()
	return g.post(t, "/api/auth/login", fmt.Sprintf(`{"username":%q,"password":%q}`, name, password), headers...)
}

// read returns the items of both tables, sorted by key.
func (g goldenStack) read(t *testing.T) map[string][]storedItem {
	t.Helper()
	all := map[string][]storedItem{}
	for _, table := range []string{g.tables.Users, g.tables.Sessions} {
		for _, item := range g.tables.Items(t, table) {
			all[table] = append(all[table], encodeItem(item))
		}
		slices.SortFunc(all[table], func(a, b storedItem) int {
			return strings.Compare(a.text("pk")+a.text("sk"), b.text("pk")+b.text("sk"))
		})
	}
	return all
}

// slack is added to the times that are moved to the present. It is longer than a test takes on a busy machine, so windows stay
// open and slots closed until the test looks at them.
const slack = 10 * time.Minute

// load writes the items of a population into the tables. The accounts come first, because the mailer sends a mail as soon as it is
// there, and drops one without an account.
func (g goldenStack) load(t *testing.T, from *golden) {
	t.Helper()
	by := time.Since(from.Recorded) + slack
	for _, table := range []string{"Users", "Sessions"} {
		for _, item := range from.items[table] {
			input := &dynamodb.PutItemInput{TableName: &table, Item: present(item, by).decode(t)}
			if _, err := g.tables.Client.PutItem(t.Context(), input); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// present moves the times of what lives for a day or less to the present: windows, counters, mails and their links, and
// sign-ins in progress. No credential contains these times.
func present(item storedItem, by time.Duration) storedItem {
	short := map[string][]string{
		"R#": {"exp", "opens", "times"}, "O#": {"created", "end", "exp"}, "A#": {"exp"},
	}[item.text("pk")[:2]]
	moved := maps.Clone(item)
	for _, name := range short {
		for kind, value := range item[name] {
			times := strings.Split(value.(string), ",")
			for i, text := range times {
				number, _ := strconv.ParseInt(text, 10, 64)
				if len(text) > len("1700000000") {
					times[i] = strconv.FormatInt(number+by.Milliseconds(), 10)
				} else {
					times[i] = strconv.FormatInt(number+int64(by.Seconds()), 10)
				}
			}
			moved[name] = map[string]any{kind: strings.Join(times, ",")}
		}
	}
	return moved
}

// Accounts at the stand-ins, by username: the id at GitHub, or the subject at the OpenID provider.
var (
	goldenGitHub = map[string]int64{"hub": 1001, "hub-disabled": 1002}
	goldenGoogle = map[string]string{"linked": "subject-1", "seized": "subject-2"}
)

// signInAtProviders makes the accounts known to the stand-ins.
func (g goldenStack) signInAtProviders() {
	for name, id := range goldenGitHub {
		g.GitHub.SignIn(githubtest.User{ID: id, Login: name, Emails: []githubtest.Email{
			{Email: name + "@example.com", Primary: true, Verified: true},
		}})
	}
	for name, subject := range goldenGoogle {
		g.Google.SignIn(subject, openidtest.Claims{"email": name + "@example.com", "email_verified": true})
	}
}

// addresses of the stand-ins by provider.
func (g goldenStack) addresses() map[string]string {
	return map[string]string{"github": g.GitHub.URL, "google": g.Google.URL}
}

// moveProviders returns a function that gives a golden text the addresses of this stack's stand-ins, also where an identity
// has become a digest of the address and the subject.
func (g goldenStack) moveProviders(from map[string]string) func(string) string {
	var replacements []string
	for provider, to := range g.addresses() {
		for _, id := range goldenGitHub {
			replacements = append(replacements, identityDigest(from[provider], fmt.Sprint(id)), identityDigest(to, fmt.Sprint(id)))
		}
		for _, subject := range goldenGoogle {
			replacements = append(replacements, identityDigest(from[provider], subject), identityDigest(to, subject))
		}
		replacements = append(replacements, from[provider], to)
	}
	return strings.NewReplacer(replacements...).Replace
}

func identityDigest(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// begin starts a sign-in at a provider.
func (g goldenStack) begin(t *testing.T, provider string) goldenClient {
	t.Helper()
	got := fetch(t, g.URL+"/api/auth/oauth/"+provider)
	pair, _, _ := strings.Cut(got.Header.Get("Set-Cookie"), ";")
	return goldenClient{Flow: got.Header.Get("Location"), Binding: "Cookie: " + pair}
}

// finish goes through the provider as the account of that name, and calls back.
func (g goldenStack) finish(t *testing.T, started goldenClient, name string) response {
	t.Helper()
	hint := "&login=" + name
	if subject := goldenGoogle[name]; subject != "" {
		hint = "&login_hint=" + subject
	}
	back := fetch(t, started.Flow+hint)
	path, ours := strings.CutPrefix(back.Header.Get("Location"), goldenURL)
	if !ours {
		t.Fatalf("the provider sends %s to %q, want %s: %v", name, back.Header.Get("Location"), goldenURL, back)
	}
	return fetch(t, g.URL+path, started.Binding)
}

// signIn signs in at the provider that knows the account.
func (g goldenStack) signIn(t *testing.T, name string) response {
	t.Helper()
	provider := "github"
	if goldenGoogle[name] != "" {
		provider = "google"
	}
	return g.finish(t, g.begin(t, provider), name)
}
