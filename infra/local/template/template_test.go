package template

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// whole is a complete template that uses the same constructs as template.yaml. Tests replace parts of it.
const whole = `
Parameters:
  Origins: {Type: String, Default: ""}
  Level: {Type: String, Default: INFO, AllowedValues: [DEBUG, INFO]}
  Seconds: {Type: Number, Default: 30, MinValue: 1, MaxValue: 60}
  Address: {Type: String, Default: "", AllowedPattern: "|https?://[^/]+"}
  Hosts: {Type: CommaDelimitedList, Default: "a,b"}
  Missing: {Type: String}
Conditions:
  HasOrigins: !Not [!Equals [!Ref Origins, ""]]
  Never: !Equals [a, b]
Globals:
  Function:
    Runtime: provided.al2023
    Handler: bootstrap
    Timeout: 10
    Architectures: [arm64]
    Environment:
      Variables:
        LEVEL: !Ref Level
        ORIGINS: !Ref Origins
        USERS: !Ref Users
        SECONDS: !Ref Seconds
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        paths:
          "/login/{name}":
            post:
              x-amazon-apigateway-integration:
                {type: aws_proxy, httpMethod: POST, payloadFormatVersion: "2.0", credentials: !GetAtt InvokeRole.Arn,
                 uri: !Sub "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Login.Arn}:live/invocations"}
      CorsConfiguration: !If
        - HasOrigins
        - AllowOrigins: !Split [",", !Ref Origins]
          AllowMethods: [GET, POST]
          AllowHeaders: [authorization]
          AllowCredentials: true
          MaxAge: 600
        - !Ref AWS::NoValue
  Login:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/login
      MemorySize: 1769
      Architectures: [x86_64]
      Environment: {Variables: {LEVEL: DEBUG, OWN: x}}
      Events:
        Daily: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
      Policies: [!Foo bar]
  Users:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      TimeToLiveSpecification: {AttributeName: exp, Enabled: true}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Absent:
    Type: AWS::DynamoDB::Table
    Condition: Never
  Named:
    Type: AWS::SomethingElse::Table
    Properties: {TableName: !Join ["", [na, med]]}
Outputs:
  Whatever: {Value: !ImportValue nothing}
`

func TestLoad(t *testing.T) {
	got, err := parse("dir/template.yaml", []byte(whole), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Template{
		Path: "dir/template.yaml",
		Functions: []Function{{
			Name: "Login", Folder: "functions/login", Handler: "bootstrap", Timeout: 10 * time.Second, MemoryMB: 1769, Architecture: "x86_64",
			Environment: map[string]string{"LEVEL": "DEBUG", "ORIGINS": "", "USERS": "Users", "SECONDS": "30", "OWN": "x"},
			Routes:      []Route{{Method: "POST", Path: "/login/{name}"}},
		}},
		Tables: []Table{{
			LogicalID: "Users", Name: "Users", TTL: "exp", StreamView: "NEW_IMAGE",
			Attributes: []Attribute{{"pk", "S"}, {"sk", "S"}},
			Keys:       []Key{{"pk", "HASH"}, {"sk", "RANGE"}},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestOverrides(t *testing.T) {
	tests := map[string]struct {
		overrides map[string]string
		variable  string
		want      string
		origins   []string
	}{
		"a plain Ref sets the parameter, and CORS": {
			map[string]string{"ORIGINS": "https://a.test,https://b.test"}, "ORIGINS", "https://a.test,https://b.test",
			[]string{"https://a.test", "https://b.test"},
		},
		"replaces a value":                                    {map[string]string{"OWN": "y"}, "OWN", "y", nil},
		"replaces a reference to a table":                     {map[string]string{"USERS": "Other"}, "USERS", "Other", nil},
		"can be empty":                                        {map[string]string{"OWN": ""}, "OWN", "", nil},
		"other names are ignored":                             {map[string]string{"HOME": "/x"}, "HOME", "", nil},
		"a parameter does not change the value of a function": {map[string]string{"SECONDS": "5"}, "LEVEL", "DEBUG", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parse("template.yaml", []byte(whole), test.overrides)
			if err != nil {
				t.Fatal(err)
			}
			if value := got.Functions[0].Environment[test.variable]; value != test.want {
				t.Errorf("%s: got %q, want %q", test.variable, value, test.want)
			}
			var origins []string
			if got.CORS != nil {
				origins = got.CORS.Origins
			}
			if !slices.Equal(origins, test.origins) {
				t.Errorf("got CORS origins %q, want %q", origins, test.origins)
			}
		})
	}
}

func TestIntrinsics(t *testing.T) {
	tests := map[string]struct{ expression, want string }{
		"Ref, long form":              {`{Ref: Level}`, "INFO"},
		"pseudo parameters":           {`!Sub "${AWS::Partition} ${AWS::Region} ${AWS::AccountId} ${AWS::URLSuffix} ${AWS::StackName}"`, "aws us-east-1 123456789012 amazonaws.com local"},
		"Sub with its own variables":  {`!Sub ["${who} ${Level}", {who: !Ref Users}]`, "Users INFO"},
		"Sub of an attribute":         {`!Sub "${Users.Arn}"`, "arn:aws:dynamodb:us-east-1:123456789012:table/Users"},
		"Sub with a literal":          {`!Sub "${!Level}-${Level}"`, "${Level}-INFO"},
		"GetAtt, short form":          {`!GetAtt Login.Arn`, "arn:aws:lambda:us-east-1:123456789012:function:Login"},
		"GetAtt, long form":           {`{"Fn::GetAtt": [Users, StreamArn]}`, "arn:aws:dynamodb:us-east-1:123456789012:table/Users/stream/2020-01-01T00:00:00.000"},
		"If, only one branch":         {`!If [Never, !Bad x, yes it is]`, "yes it is"},
		"If, long form":               {`{"Fn::If": [HasOrigins, a, b]}`, "b"},
		"Join of a list parameter":    {`!Join ["|", !Ref Hosts]`, "a|b"},
		"Join of Split":               {`!Join ["-", !Split [",", "1,2,3"]]`, "1-2-3"},
		"number":                      {`0604800`, "0604800"},
		"boolean":                     {`true`, "true"},
		"And of conditions":           {`!If [Both, a, b]`, "a"},
		"Or of conditions":            {`!If [Either, a, b]`, "a"},
		"Ref of a table with a name":  {`!Ref Named`, "named"},
		"NoValue":                     {`!If [Never, x, !Ref AWS::NoValue]`, ""},
		"long forms inside Condition": {`!If [Long, a, b]`, "a"},
	}
	conditions := `
  Both: !And [!Condition Empty, !Not [!Condition Never]]
  Either: !Or [!Condition Never, !Condition Empty]
  Long: {"Fn::And": [{Condition: Empty}, {"Fn::Equals": [{Ref: Level}, INFO]}]}
  Empty: !Equals [!Ref Origins, ""]
`
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(whole, "OWN: x", "OWN: "+test.expression, 1)
			text = strings.Replace(text, "Conditions:\n", "Conditions:"+conditions, 1)
			got, err := parse("template.yaml", []byte(text), nil)
			if err != nil {
				t.Fatal(err)
			}
			if value := got.Functions[0].Environment["OWN"]; value != test.want {
				t.Errorf("%s: got %q, want %q", test.expression, value, test.want)
			}
		})
	}
}

// Each case replaces a part of the template. The error must name the line of the mark.
func TestErrors(t *testing.T) {
	tests := map[string]struct{ old, broken, mark, want string }{
		"unknown intrinsic, short":   {"OWN: x", "\n        OWN: !Foo x", "!Foo x", "the local host does not support !Foo"},
		"unknown intrinsic, long":    {"OWN: x", "OWN: {\"Fn::Select\": [0, a]}", "Fn::Select", "the local host does not support Fn::Select"},
		"unknown name":               {"OWN: x", "OWN: !Ref Nobody", "Nobody", "Nobody is neither a parameter nor a resource"},
		"unknown name in Sub":        {"OWN: x", "OWN: !Sub \"${Nobody}\"", "Nobody", "Nobody is neither"},
		"open brace in Sub":          {"OWN: x", "OWN: !Sub \"${Level\"", "${Level\"", "without }"},
		"unknown attribute":          {"OWN: x", "OWN: !GetAtt Users.Name", "Users.Name", "does not support the attribute Name of Users"},
		"unknown condition":          {"HasOrigins\n", "NoSuch\n", "NoSuch", `the template has no condition "NoSuch"`},
		"cycle of conditions":        {"Never: !Equals [a, b]", "Never: !Not [!Condition Never]", "!Condition Never", "condition Never depends on itself"},
		"cycle of names":             {"Properties:\n      Attr", "Properties:\n      TableName: !Ref Users\n      Attr", "!Ref Users\n      Attr", "the name of Users depends on itself"},
		"not a condition":            {"Never: !Equals [a, b]", "Never: !Ref Level", "Never: !Ref", "the local host does not support !Ref in a condition"},
		"absent resource":            {"OWN: x", "OWN: !Ref Absent", "!Ref Absent", "the condition of Absent is false"},
		"parameter without a value":  {"OWN: x", "OWN: !Ref Missing", "Missing: {", "parameter Missing has no default"},
		"text instead of a list":     {"OWN: x", "OWN: !Join [\"\", a]", "!Join", "this value must be a list"},
		"too few arguments":          {"OWN: x", "OWN: !If [Never, a]", "!If [Never, a]", "!If needs a list of 3"},
		"wrong type":                 {"MemorySize: 1769", "MemorySize: much", "much", "cannot unmarshal !!str `much` into int"},
		"duplicate key":              {"MemorySize: 1769", "MemorySize: 1\n      MemorySize: 2", "MemorySize: 2", "the key MemorySize is a duplicate"},
		"anchor":                     {"MemorySize: 1769", "MemorySize: &m 1", "&m", "anchors and aliases"},
		"unsupported runtime":        {"Runtime: provided.al2023", "Runtime: python3.14", "  Login:", `runtime "python3.14"`},
		"two architectures":          {"[x86_64]", "[x86_64, arm64]", "  Login:", "function Login has 2 Architectures"},
		"unsupported event":          {"Type: Schedule,", "Type: SNS,", "Type: SNS", "event Daily of Login is not of the type DynamoDB or Schedule"},
		"route as an event":          {"Type: Schedule,", "Type: HttpApi,", "Type: HttpApi", "reads routes from the DefinitionBody"},
		"unknown method":             {"            post:", "            fetch:", "fetch", "unknown method FETCH"},
		"invalid path":               {"/login/{name}", "/login/{name", "\"/login/{name", "not a valid path of a route"},
		"integration without alias":  {":live/", "/", "{type: aws_proxy", "must have a uri of the form !Sub"},
		"integration without !Sub":   {"uri: !Sub", "uri:", "{type: aws_proxy", "must have a uri of the form !Sub"},
		"unsupported integration":    {"type: aws_proxy", "type: http_proxy", "{type: http_proxy", "supports only integrations of type aws_proxy"},
		"unsupported payload format": {`"2.0"`, `"1.0"`, "{type: aws_proxy", "supports only integrations of type aws_proxy"},
		"integration property":       {"type: aws_proxy", "timeoutInMillis: 1, type: aws_proxy", "{timeoutInMillis", "timeoutInMillis of an integration"},
		"no integration":             {"              x-amazon", "              y-amazon", "            post:", "must have an x-amazon-apigateway-integration"},
		"authorizer":                 {"            post:\n", "            post:\n              security: []\n", "security", "security of an operation"},
		"definition property":        {"        paths:", "        components: {}\n        paths:", "components", "components of the DefinitionBody"},
		"route to no function":       {"${Login.Arn}", "${Nobody.Arn}", "uri: !Sub", "Nobody is neither a parameter nor a resource"},
		"route to another resource":  {"${Login.Arn}", "${Users.Arn}", "{type: aws_proxy", "must have a uri of the form !Sub"},
		"duplicate route":            {"            post:", "            post: {}\n            post:", "post:\n              x-amazon", "the key post is a duplicate"},
		"second API":                 {"  Absent:", "  Api2: {Type: AWS::Serverless::HttpApi}\n  Absent:", "Api2", "Api2 is a second"},
		"unsupported API property":   {"      CorsConfiguration:", "      StageName: prod\n      CorsConfiguration:", "StageName", "StageName of AWS::Serverless::HttpApi"},
		"index":                      {"      TimeToLive", "      GlobalSecondaryIndexes: []\n      TimeToLive", "GlobalSecondary", "GlobalSecondaryIndexes of AWS::DynamoDB::Table"},
		"undefined key":              {"AttributeName: sk, AttributeType", "AttributeName: other, AttributeType", "  Users:\n", "the KeySchema of table Users"},
		"no resources":               {"Resources:", "Resource:", "Parameters:", "the template has no Resources"},
		"override not allowed":       {"LEVEL: DEBUG, ", "", "Level: {", `parameter Level cannot be "LOUD": it is not one of its AllowedValues`},
		"number not allowed":         {"Default: 30", "Default: 90", "Seconds: {", "it is more than its MaxValue"},
		"pattern not matched":        {"OWN: x", "OWN: !Ref Address", "Address: {", "it does not match its AllowedPattern"},
		"invalid origin":             {"Properties:\n      Cors", "Properties:\n      Cors", "CorsConfiguration", `origin "https://a.test/": an origin must have`},
	}
	overrides := map[string]map[string]string{
		"override not allowed": {"LEVEL": "LOUD"},
		"pattern not matched":  {"OWN": "https://a.test/x"},
		"invalid origin":       {"ORIGINS": "https://a.test/"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(whole, test.old, test.broken, 1)
			before, _, found := strings.Cut(text, test.mark)
			if !found || (text == whole && overrides[name] == nil) {
				t.Fatalf("the template does not contain %q, or the mark %q is absent", test.old, test.mark)
			}
			_, err := parse("dir/template.yaml", []byte(text), overrides[name])
			prefix := fmt.Sprintf("template.yaml:%d: ", 1+strings.Count(before, "\n"))
			if err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s… %s", err, prefix, test.want)
			}
		})
	}
}

func TestLoadOfTheRealTemplate(t *testing.T) {
	path := filepath.Join("..", "..", "..", "template.yaml")
	loaded, err := Load(path, map[string]string{"ALLOWED_ORIGINS": "https://app.test", "DYNAMODB_ENDPOINT": "http://localhost:1"})
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Tables) == 0 || len(loaded.Functions) == 0 || loaded.CORS == nil {
		t.Fatalf("got %+v, want tables, functions and CORS", loaded)
	}
	for _, function := range loaded.Functions {
		if endpoint := function.Environment["DYNAMODB_ENDPOINT"]; endpoint != "http://localhost:1" {
			t.Errorf("%s: got DYNAMODB_ENDPOINT %q, want http://localhost:1", function.Name, endpoint)
		}
	}
}

func TestLoadNamesTheMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got error %v, want %s in it", err, path)
	}
}

func TestRouteKey(t *testing.T) {
	tests := map[string]Route{
		"GET /a":   {Method: "GET", Path: "/a"},
		"ANY /b":   {Method: "ANY", Path: "/b"},
		"$default": {Method: "ANY", Path: DefaultPath},
	}
	for want, route := range tests {
		if got := route.Key(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole, "x")
	f.Add("Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: !Sub '${!x}${'}}}", "")
	f.Add("a: &a [*a]", "")
	f.Add("Resources: {T: {Type: AWS::DynamoDB::Table, Properties: !If [a]}}", "y")
	f.Fuzz(func(t *testing.T, text, override string) {
		loaded, err := parse("template.yaml", []byte(text), map[string]string{"ORIGINS": override})
		if err == nil && loaded == nil {
			t.Errorf("%q: got no template and no error", text)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "template.yaml:") {
			t.Errorf("%q: got error %v, want template.yaml: …", text, err)
		}
	})
}
