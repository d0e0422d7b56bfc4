// Package pkg_test holds the structure of pkg/: who may import what.
package pkg_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed is what each package may import beside the standard library: packages of ours by their folder, others by the
// beginning of their path. It is the package map of infra/docs/decisions.md.
var allowed = map[string][]string{
	"secret":     {},
	"random":     {},
	"id":         {"random"},
	"fault":      {},
	"awshttp":    {},
	"reqlog":     {"id"},
	"limit":      {},
	"identifier": {"golang.org/x/text/", "golang.org/x/net/idna"},
	"password":   {"golang.org/x/crypto/", "random", "secret"},
	"clock":      {},
	"account":    {"fault", "id", "identifier", "secret"},
	"session":    {"account", "clock", "fault", "id", "random", "reqlog", "secret"},
	"outbox":     {"account", "clock", "fault", "id", "identifier", "secret"},
	"guard":      {"account", "clock", "fault", "id", "outbox", "reqlog", "secret", "session"},
	"signup":     {"account", "clock", "fault", "id", "identifier", "outbox", "reqlog", "secret", "session"},
	"signin":     {"account", "clock", "fault", "guard", "id", "identifier", "outbox", "random", "reqlog", "secret", "session"},
	"maillink":   {"account", "clock", "fault", "guard", "id", "outbox", "reqlog", "secret", "session"},
	"ruletests":  {},
	"token":      {"github.com/golang-jwt/jwt/v5", "github.com/go-json-experiment/json", "guard", "id", "outbox", "secret", "session"},
	"dynamo": {"github.com/aws/aws-sdk-go-v2/", "github.com/aws/smithy-go", "account", "awshttp", "fault", "guard", "id", "identifier", "limit", "maillink",
		"outbox", "secret", "session", "signin", "signup"},
	"oauth": {
		"golang.org/x/oauth2", "github.com/coreos/go-oidc/v3", "github.com/go-json-experiment/json", "clock", "config", "secret", "signin",
	},
	"contract": {},
	"config":   {"golang.org/x/net/publicsuffix", "limit", "secret"},
	"ssm":      {"github.com/aws/aws-sdk-go-v2/aws", "github.com/go-json-experiment/json", "awshttp", "fault", "secret"},
	"keyring":  {"github.com/go-json-experiment/json", "guard", "id", "outbox", "secret", "session", "token"},
	"httpapi": {
		"github.com/go-json-experiment/json", "account", "contract", "fault", "id", "limit", "pages", "reqlog", "secret", "session",
	},
	"lambdahttp": {"github.com/aws/aws-lambda-go/"},
	"mail":       {"github.com/aws/aws-sdk-go-v2/", "github.com/aws/smithy-go", "account", "awshttp", "config", "identifier", "outbox", "secret"},
	"pages":      {},
	"pages/html": {"pages"},

	"lambdastream": {"github.com/aws/aws-lambda-go/"},
	"lambdakeys":   {"github.com/aws/aws-lambda-go/"},
	"app": {
		"github.com/aws/aws-lambda-go/", "github.com/aws/aws-sdk-go-v2/", "github.com/go-json-experiment/json", "account", "clock", "config",
		"contract", "dynamo", "fault", "guard", "httpapi", "id", "keyring", "lambdahttp", "lambdakeys", "lambdastream", "limit",
		"maillink", "outbox", "pages", "password", "secret", "session", "signin", "signup", "ssm", "token",
	},
}

// only names packages that have one home: nothing else in pkg/ or functions/ imports them.
var only = map[string][]string{
	"github.com/golang-jwt/jwt/v5":                  {"token"},
	"github.com/aws/aws-sdk-go-v2/service/dynamodb": {"dynamo"},
	"github.com/aws/aws-sdk-go-v2/service/ses":      {"mail"},
	"golang.org/x/oauth2":                           {"oauth"},
	"github.com/coreos/go-oidc/v3":                  {"oauth"},
	"github.com/aws/aws-lambda-go/":                 {"app", "lambdahttp", "lambdakeys", "lambdastream"},
}

func TestImports(t *testing.T) {
	for folder, imported := range importsBelow(t, ".") {
		permitted, known := allowed[folder]
		if !known {
			t.Errorf("pkg/%s is not in the package map", folder)
		}
		for _, path := range imported {
			if !permits(permitted, path) {
				t.Errorf("pkg/%s must not import %s", folder, path)
			}
			for owned, homes := range only {
				if strings.HasPrefix(path, owned) && !slices.Contains(homes, folder) {
					t.Errorf("pkg/%s must not import %s, whose home is %v", folder, path, homes)
				}
			}
		}
	}
}

// brought names what the main of a function brings besides its name, so that no other function links it.
var brought = map[string]string{
	"mailer":              "latchkey/pkg/mail",
	"oauth-callback":      "latchkey/pkg/oauth",
	"oauth-start":         "latchkey/pkg/oauth",
	"reset-password-page": "latchkey/pkg/pages/html",
	"verify-email-page":   "latchkey/pkg/pages/html",
}

func TestAMainNamesItsFunction(t *testing.T) {
	for folder, imported := range importsBelow(t, "../functions") {
		want := []string{"latchkey/pkg/app"}
		if more, is := brought[folder]; is {
			want = append(want, more)
		}
		if !slices.Equal(imported, want) {
			t.Errorf("functions/%s imports %v", folder, imported)
		}
	}
}

func permits(permitted []string, path string) bool {
	if ours, is := strings.CutPrefix(path, "latchkey/pkg/"); is {
		return slices.Contains(permitted, ours)
	}
	standard := !strings.Contains(strings.SplitN(path, "/", 2)[0], ".")
	return standard || slices.ContainsFunc(permitted, func(prefix string) bool {
		return strings.Contains(prefix, ".") && strings.HasPrefix(path, prefix)
	})
}

// importsBelow gives the imports of each package below a folder, tests apart.
func importsBelow(t *testing.T, parent string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(parent, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(parent, filepath.Dir(path))
		folder = filepath.ToSlash(folder)
		for _, spec := range file.Imports {
			value, _ := strconv.Unquote(spec.Path.Value)
			found[folder] = append(found[folder], value)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
