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

// routesOf returns the routes of the table as "function: METHOD /path".
func routesOf() []string {
	var all []string
	for _, route := range contract.Endpoints {
		all = append(all, route.Function+": "+route.Key())
	}
	slices.Sort(all)
	return all
}

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

type samTemplate struct {
	Globals struct {
		Function struct {
			Memory int `yaml:"MemorySize"`
		} `yaml:"Function"`
	} `yaml:"Globals"`
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Code          string   `yaml:"CodeUri"`
			Memory        int      `yaml:"MemorySize"`
			Architectures []string `yaml:"Architectures"`
			Events        map[string]struct {
				Type       string `yaml:"Type"`
				Properties struct {
					Method string `yaml:"Method"`
					Path   string `yaml:"Path"`
				} `yaml:"Properties"`
			} `yaml:"Events"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

func readTemplate(t *testing.T) samTemplate {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var template samTemplate
	if err := yaml.Unmarshal(source, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// memory holds the memory in MB of functions that need more than the default for another reason than hashing.
var memory = map[string]int{"oauth-callback": 512}

// hashes reports whether a function computes password hashes. It then needs a whole vCPU and the x86_64 assembly of argon2.
func hashes(function string) bool {
	return slices.ContainsFunc(contract.Endpoints, func(e contract.Endpoint) bool { return e.Function == function && e.Hashes })
}

func TestFunctionClass(t *testing.T) {
	template := readTemplate(t)
	if got := template.Globals.Function.Memory; got != 256 {
		t.Errorf("template.yaml: the default is %d MB, want 256", got)
	}
	for _, resource := range template.Resources {
		name := strings.TrimPrefix(resource.Properties.Code, "functions/")
		want, architectures := memory[name], []string(nil)
		if hashes(name) {
			want, architectures = 1769, []string{"x86_64"}
		}
		if got := resource.Properties.Memory; got != want {
			t.Errorf("template.yaml: %s has %d MB, want %d (0 is the default)", name, got, want)
		}
		if got := resource.Properties.Architectures; !slices.Equal(got, architectures) {
			t.Errorf("template.yaml: %s has the architectures %v, want %v (none is the default)", name, got, architectures)
		}
	}
}

func TestTemplateHasTheRoutes(t *testing.T) {
	template := readTemplate(t)
	var functions, routes []string
	for _, resource := range template.Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		name := strings.TrimPrefix(resource.Properties.Code, "functions/")
		functions = append(functions, name)
		for _, event := range resource.Properties.Events {
			if event.Type == "HttpApi" && event.Properties.Path != "$default" {
				routes = append(routes, name+": "+event.Properties.Method+" "+event.Properties.Path)
			}
		}
	}
	slices.Sort(functions)
	slices.Sort(routes)
	same(t, "the functions in template.yaml", functionsOf(), functions)
	same(t, "the routes in template.yaml", routesOf(), routes)
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
