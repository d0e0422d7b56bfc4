package contract_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"latchkey/pkg/contract"
)

const root = "../.."

func functionsOf() []string {
	set := map[string]bool{}
	for _, route := range contract.Endpoints {
		set[route.Function] = true
	}
	for name := range contract.Unrouted {
		set[name] = true
	}
	return slices.Sorted(maps.Keys(set))
}

func same(t *testing.T, name string, want, got []string) {
	t.Helper()
	if !slices.Equal(want, got) {
		t.Errorf("%s: got  %v\nwant the table: %v", name, got, want)
	}
}

func TestFoldersAreTheFunctions(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, entry := range entries {
		folders = append(folders, entry.Name())
	}
	same(t, "the folders in functions/", functionsOf(), folders)
}

// TestTheTableIsWhole shows that each variable of the table is a row of Endpoints.
func TestTheTableIsWhole(t *testing.T) {
	source, err := os.ReadFile("endpoints.go")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(contract.Endpoints), strings.Count(string(source), "= Endpoint{\""); got != want {
		t.Errorf("endpoints.go: Endpoints has %d rows, want the %d variables of the table", got, want)
	}
}

type openAPI struct {
	Paths      map[string]map[string]yaml.Node `yaml:"paths"`
	Components struct {
		Schemas struct {
			ErrorCode struct {
				Enum []string `yaml:"enum"`
			} `yaml:"ErrorCode"`
		} `yaml:"schemas"`
	} `yaml:"components"`
}

func document(t *testing.T) openAPI {
	t.Helper()
	var parsed openAPI
	if err := yaml.Unmarshal(contract.OpenAPI, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// operation holds the properties of an endpoint that the OpenAPI document and the table both state.
type operation struct {
	Security  []map[string][]string `yaml:"security"`
	Responses map[string]struct {
		Ref string `yaml:"$ref"`
	} `yaml:"responses"`
}

// TestOpenAPIFollowsTheTable compares the operations of the document with the rows of the table.
func TestOpenAPIFollowsTheTable(t *testing.T) {
	paths := document(t).Paths
	for _, endpoint := range contract.Endpoints {
		node, described := paths[endpoint.Path][strings.ToLower(endpoint.Method)]
		if !described {
			t.Errorf("%s is not described: add it to pkg/contract/openapi.yaml", endpoint.Key())
			continue
		}
		delete(paths[endpoint.Path], strings.ToLower(endpoint.Method))
		var op operation
		if err := node.Decode(&op); err != nil {
			t.Fatal(err)
		}
		if got, want := op.auth(), documented[endpoint.Auth]; endpoint.Serves != contract.Page && got != want {
			t.Errorf("openapi.yaml, %s: got %s credentials, want %s", endpoint.Key(), got, want)
		}
		_, limited := op.Responses["429"]
		if _, all := op.Responses["default"]; !all && limited != (endpoint.Tier != contract.Unlimited) {
			t.Errorf("openapi.yaml, %s: got a response 429 (%t) in the tier %s", endpoint.Key(), limited, endpoint.Tier)
		}
		if got := op.serves(); got != endpoint.Serves {
			t.Errorf("openapi.yaml, %s: got the format %s, want %s", endpoint.Key(), got, endpoint.Serves)
		}
	}
	for path, operations := range paths {
		for method := range operations {
			t.Errorf("openapi.yaml describes %s %s, which is not in pkg/contract/endpoints.go", method, path)
		}
	}
}

// documented is how the document presents each use of credentials.
var documented = map[contract.Auth]string{
	contract.Ignored: "no", contract.Offered: "no", contract.WithLink: "optional", contract.Ending: "optional", contract.Required: "required",
}

func (o operation) auth() string {
	switch {
	case len(o.Security) == 0:
		return "no"
	case slices.ContainsFunc(o.Security, func(scheme map[string][]string) bool { return len(scheme) == 0 }):
		return "optional"
	default:
		return "required"
	}
}

func (o operation) serves() contract.Format {
	for status, response := range o.Responses {
		if strings.HasSuffix(response.Ref, "/Page") {
			return contract.Page
		}
		if status == "302" {
			return contract.Redirect
		}
	}
	return contract.JSON
}

// TestOpenAPIListsTheCodes compares the error codes of the document with those in the code.
func TestOpenAPIListsTheCodes(t *testing.T) {
	declared := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "pkg"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, piece := range strings.Split(string(source), `Code: "`)[1:] {
			code, _, _ := strings.Cut(piece, `"`)
			declared[code] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	listed := slices.Sorted(slices.Values(document(t).Components.Schemas.ErrorCode.Enum))
	if want := slices.Sorted(maps.Keys(declared)); !slices.Equal(want, listed) {
		t.Errorf("openapi.yaml lists the codes %v\nwant those of the code:       %v", listed, want)
	}
}

func TestMethods(t *testing.T) {
	tests := map[string]struct {
		path string
		want string
	}{
		"two methods":           {"/api/auth/me", "GET POST"},
		"one method":            {"/api/auth/login", "POST"},
		"unknown":               {"/api/auth/nowhere", ""},
		"an additional slash":   {"/api/auth/login/", ""},
		"a doubled slash":       {"/api//auth/login", ""},
		"the root":              {"/", ""},
		"empty":                 {"", ""},
		"another case":          {"/api/auth/LOGIN", ""},
		"a template as a path":  {"/api/auth/{x}", ""},
		"longer than any route": {"/api/auth/login/x/y/z", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(contract.Methods(test.path), " "); got != test.want {
				t.Errorf("Methods(%q) = %q, want %q", test.path, got, test.want)
			}
		})
	}
}
