// Package template reads the SAM template that is deployed, so that what runs locally is what runs in AWS.
//
// It understands a subset: parameters, conditions, the globals of functions and of the HTTP API, the intrinsic
// functions Ref, Sub, If, Equals, Not, And, Or, GetAtt, Join and Split, and of the resources the functions with their
// HTTP and stream events, the tables and the API's CORS. What it meets beyond that is an error with its line where the local host
// would have to act on it, and is skipped where it has no use for it (policies, alarms, outputs).
// It is no validator: cfn-lint and sam validate judge the rest.
package template

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// What the pseudo parameters are locally; the account is the one of AWS's own examples.
const (
	AccountID = "123456789012"
	Region    = "us-east-1"
)

// Template is what the local host needs of a SAM template, with everything resolved.
type Template struct {
	Path      string     // as given to Load
	Functions []Function // in the order of the file
	Tables    []Table    // in the order of the file
	CORS      *CORS      // nil without a CorsConfiguration
}

// Function is an AWS::Serverless::Function.
type Function struct {
	Name         string // logical id, which is its physical name locally
	Folder       string // CodeUri as written, relative to the template
	Handler      string
	Timeout      time.Duration
	MemoryMB     int
	Architecture string            // x86_64 or arm64; the local host runs either on its own
	Environment  map[string]string // overrides applied
	Routes       []Route
	Streams      []Stream
}

// Route is an HttpApi event of a function.
type Route struct {
	Method string // in upper case, or ANY
	Path   string // as in /api/{name} or /files/{proxy+}, or $default
}

// DefaultPath is the path of the route that takes what no other route takes.
const DefaultPath = "$default"

// Key is the route key as API Gateway has it: "POST /api/auth/login" or "$default".
func (r Route) Key() string {
	if r.Path == DefaultPath {
		return DefaultPath
	}
	return r.Method + " " + r.Path
}

// Table is an AWS::DynamoDB::Table.
type Table struct {
	LogicalID  string
	Name       string // TableName, or else the logical id
	Attributes []Attribute
	Keys       []Key
	TTL        string // attribute name; empty without TTL
	StreamView string // as in NEW_IMAGE; empty without a stream
}

// Attribute is an attribute definition.
type Attribute struct {
	Name string `yaml:"AttributeName"`
	Type string `yaml:"AttributeType"` // S, N or B
}

// Key is an element of a key schema.
type Key struct {
	Name string `yaml:"AttributeName"`
	Type string `yaml:"KeyType"` // HASH or RANGE
}

// CORS is the CorsConfiguration of the HTTP API.
type CORS struct {
	Origins     []string      // exact, or one "*"
	Methods     []string      // as sent in Access-Control-Allow-Methods
	Headers     []string      // as sent in Access-Control-Allow-Headers
	Expose      []string      // as sent in Access-Control-Expose-Headers
	Credentials bool          // Access-Control-Allow-Credentials
	MaxAge      time.Duration // whole seconds; 0 for no such header
}

// Load reads the template at path. For every variable V that the template gives a function, a V in overrides wins over
// the template's value; where that value is a plain !Ref of a parameter, the override sets the parameter itself, so
// that whatever else is built from it (CORS) follows. Other names in overrides are ignored, so a whole environment may be passed.
// An error that concerns a place of the template begins with file and line, as in "template.yaml:41: …".
func Load(path string, overrides map[string]string) (*Template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	return parse(path, text, overrides)
}

// parse is Load without the file system.
func parse(path string, text []byte, overrides map[string]string) (*Template, error) {
	file := filepath.Base(path)
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(document.Content) == 0 {
		return nil, fmt.Errorf("%s: the template is empty", file)
	}
	root := document.Content[0]
	if err := wellFormed(root); err != nil {
		return nil, inFile(file, err)
	}
	loaded, err := (&loader{root: root, overrides: overrides}).load()
	if err != nil {
		return nil, inFile(file, err)
	}
	loaded.Path = path
	return loaded, nil
}
