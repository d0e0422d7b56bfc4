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

func TestOpenAPIHasTheRoutes(t *testing.T) {
	var described, served []string
	for path, operations := range document(t).Paths {
		for method := range operations {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	for _, route := range contract.Endpoints {
		served = append(served, route.Key())
	}
	slices.Sort(described)
	slices.Sort(served)
	same(t, "the paths in openapi.yaml", served, described)
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
