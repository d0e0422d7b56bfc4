// Package pkg_test checks which packages may import which.
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

// allowed lists the packages that each package may import, in addition to the standard library: packages of this module by
// their folder, and others by the beginning of their path. It is the package map of infra/docs/decisions.md.
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
	"guard":      {"account", "clock", "fault", "id", "limit", "outbox", "reqlog", "secret", "session"},
	"signup":     {"account", "clock", "fault", "id", "identifier", "outbox", "reqlog", "secret", "session"},
	"signin":     {"account", "clock", "fault", "guard", "id", "identifier", "limit", "outbox", "random", "reqlog", "secret", "session"},
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
		"contract", "dynamo", "fault", "guard", "httpapi", "id", "identifier", "keyring", "lambdahttp", "lambdakeys", "lambdastream", "limit",
		"maillink", "outbox", "pages", "password", "random", "secret", "session", "signin", "signup", "ssm", "token",
	},
}

// only lists the packages with a single home. No other package below pkg/ imports them.
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
		permitted, listed := allowed[folder]
		if !listed {
			t.Errorf("pkg/%s is missing in the package map: add it to allowed in pkg/imports_test.go and to infra/docs/decisions.md", folder)
		}
		for _, path := range imported {
			if !permits(permitted, path) {
				t.Errorf("pkg/%s imports %s, want only %v", folder, path, permitted)
			}
			for prefix, homes := range only {
				if strings.HasPrefix(path, prefix) && !slices.Contains(homes, folder) {
					t.Errorf("pkg/%s imports %s, want that only in %v", folder, path, homes)
				}
			}
		}
	}
}

// mainImports lists the functions whose main imports a package besides pkg/app, so that no other function links that package.
var mainImports = map[string]string{
	"mailer":              "latchkey/pkg/mail",
	"oauth-callback":      "latchkey/pkg/oauth",
	"oauth-start":         "latchkey/pkg/oauth",
	"reset-password-page": "latchkey/pkg/pages/html",
	"verify-email-page":   "latchkey/pkg/pages/html",
}

func TestAMainNamesItsFunction(t *testing.T) {
	for folder, imported := range importsBelow(t, "../functions") {
		want := []string{"latchkey/pkg/app"}
		if path, found := mainImports[folder]; found {
			want = append(want, path)
		}
		if !slices.Equal(imported, want) {
			t.Errorf("functions/%s imports %v, want %v", folder, imported, want)
		}
	}
}

func permits(permitted []string, path string) bool {
	if folder, found := strings.CutPrefix(path, "latchkey/pkg/"); found {
		return slices.Contains(permitted, folder)
	}
	standard := !strings.Contains(strings.SplitN(path, "/", 2)[0], ".")
	return standard || slices.ContainsFunc(permitted, func(prefix string) bool {
		return strings.Contains(prefix, ".") && strings.HasPrefix(path, prefix)
	})
}

// importsBelow returns the imports of each package below a folder, without those of tests.
func importsBelow(t *testing.T, parent string) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
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
			imports[folder] = append(imports[folder], value)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}
