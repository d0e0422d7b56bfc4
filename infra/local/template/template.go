// Package template reads the SAM template of the product, so that the local host runs the same functions, routes and tables as AWS.
//
// It supports a subset: parameters, conditions, the globals of functions and of the HTTP API, and the intrinsic functions Ref, Sub, If,
// Equals, Not, And, Or, GetAtt, Join and Split. Of the resources, it reads the functions with their routes and streams, the tables, and
// the CORS configuration of the API. Anything else is an error with its line if it would change the behavior of the local host.
// Otherwise it is ignored, as are policies, alarms and outputs.
//
// The package does not validate the template. cfn-lint and sam validate do that.
package template

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// Values of pseudo parameters. The account is the one in the examples of AWS.
const (
	AccountID = "123456789012"
	Region    = "us-east-1"
)

// Template holds the parts of a SAM template that the local host needs, with all intrinsic functions resolved.
type Template struct {
	Path      string     // argument of Load
	Functions []Function // in the order of the file
	Tables    []Table    // in the order of the file
	CORS      *CORS      // nil without a CorsConfiguration
}

// Function is an AWS::Serverless::Function.
type Function struct {
	Name         string // logical id, which is also the physical name here
	Folder       string // CodeUri as written, relative to the template
	Handler      string
	Timeout      time.Duration
	MemoryMB     int
	Architecture string            // x86_64 or arm64; the local host always uses its own architecture
	Environment  map[string]string // with the overrides
	Routes       []Route
	Streams      []Stream
}

// Route is an operation in the definition of the API.
type Route struct {
	Method string // in upper case, or ANY
	Path   string // as in /api/{name} or /files/{proxy+}, or $default
}

// DefaultPath is the path of the route for requests that match no other route.
const DefaultPath = "$default"

// Key returns the route key in the form of API Gateway: "POST /api/auth/login" or "$default".
func (r Route) Key() string {
	if r.Path == DefaultPath {
		return DefaultPath
	}
	return r.Method + " " + r.Path
}

// Table is an AWS::DynamoDB::Table.
type Table struct {
	LogicalID  string
	Name       string // the TableName, or the logical id if there is none
	Attributes []Attribute
	Keys       []Key
	TTL        string // name of the attribute; "" without TTL
	StreamView string // such as NEW_IMAGE; "" without a stream
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
	Origins     []string      // exact origins, or a single "*"
	Methods     []string      // as sent in Access-Control-Allow-Methods
	Headers     []string      // as sent in Access-Control-Allow-Headers
	Expose      []string      // as sent in Access-Control-Expose-Headers
	Credentials bool          // Access-Control-Allow-Credentials
	MaxAge      time.Duration // in whole seconds; 0 omits the header
}

// Load reads the template at path. overrides replaces variables of functions by name. If the value of a variable is a plain !Ref of a
// parameter, the override sets the parameter itself, so that everything that uses the parameter (such as CORS) changes too. Load
// ignores other names in overrides, so the caller can pass a whole environment. An error at a place in the template begins with the file
// and the line, as in "template.yaml:41: …".
func Load(path string, overrides map[string]string) (*Template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	return parse(path, text, overrides)
}

// parse is Load for a template with the given text.
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
	app, err := (&loader{root: root, overrides: overrides}).load()
	if err != nil {
		return nil, inFile(file, err)
	}
	app.Path = path
	return app, nil
}
