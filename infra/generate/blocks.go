package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"latchkey/pkg/contract"
	"latchkey/pkg/dynamo"
)

// logicalID is the name of a function in the template: "oauth-start" is OauthStart.
func logicalID(folder string) string {
	var id strings.Builder
	for word := range strings.SplitSeq(folder, "-") {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String()
}

// routes returns the paths in the definition of the API. The default route is the last one.
func routes() string {
	var text strings.Builder
	var paths []string
	byPath := map[string][]contract.Endpoint{}
	for _, endpoint := range contract.Endpoints {
		if byPath[endpoint.Path] == nil {
			paths = append(paths, endpoint.Path)
		}
		byPath[endpoint.Path] = append(byPath[endpoint.Path], endpoint)
	}
	for _, path := range paths {
		fmt.Fprintf(&text, "          %s:\n", path)
		for _, endpoint := range byPath[path] {
			writeRoute(&text, path, strings.ToLower(endpoint.Method), endpoint.Function)
		}
	}
	fmt.Fprintf(&text, "          %s:\n", defaultPath)
	writeRoute(&text, defaultPath, "x-amazon-apigateway-any-method", fallback)
	return text.String()
}

func writeRoute(text *strings.Builder, path, method, function string) {
	fmt.Fprintf(text, "            %s:\n", method)
	if name, varies := variable(path); varies {
		fmt.Fprintf(text, "              parameters: [{name: %s, in: path, required: true}]\n", name)
	}
	if path == defaultPath {
		text.WriteString("              isDefaultRoute: true\n")
	}
	text.WriteString("              responses: {}\n")
	text.WriteString("              x-amazon-apigateway-integration:\n")
	text.WriteString("                {type: aws_proxy, httpMethod: POST, payloadFormatVersion: \"2.0\",\n")
	text.WriteString("                 credentials: !GetAtt InvokeRole.Arn,\n")
	fmt.Fprintf(text, "                 uri: !Sub \"%s\"}\n", fmt.Sprintf(invocation, logicalID(function)))
}

// Requests that fit no other route have the path defaultPath, and go to the function fallback.
const (
	defaultPath = "$default"
	fallback    = "fallback"
)

// invoked returns the published versions that the API may invoke: those of all functions with a route.
func invoked() string {
	var functions []string
	for _, endpoint := range contract.Endpoints {
		if !slices.Contains(functions, endpoint.Function) {
			functions = append(functions, endpoint.Function)
		}
	}
	var text strings.Builder
	for _, function := range append(functions, fallback) {
		fmt.Fprintf(&text, "                  - !Ref %s.Alias\n", logicalID(function))
	}
	return text.String()
}

// variable returns the name of the variable segment of a path, and whether there is one.
func variable(path string) (string, bool) {
	_, rest, varies := strings.Cut(path, "{")
	name, _, _ := strings.Cut(rest, "}")
	return name, varies
}

// invocation is the address by which the API invokes the published version of a function.
const invocation = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${%s.Arn}:live/invocations"

// blocks returns the functions.
func blocks(functions []function) string {
	var all []string
	for _, f := range functions {
		all = append(all, f.block())
	}
	return strings.Join(all, "\n")
}

func (f function) block() string {
	var text strings.Builder
	fmt.Fprintf(&text, "  %s:\n", logicalID(f.name))
	text.WriteString("    Type: AWS::Serverless::Function\n")
	text.WriteString("    Metadata: {BuildMethod: makefile, ContextPath: ., WorkingDirectory: .}\n")
	text.WriteString("    Properties:\n")
	fmt.Fprintf(&text, "      CodeUri: functions/%s\n", f.name)
	if f.hashes {
		text.WriteString("      Architectures: [x86_64] # argon2 has assembly for x86_64, and none for arm64\n")
		text.WriteString("      MemorySize: 1769 # one full vCPU; with less memory a hash takes longer and costs the same\n")
	}
	if f.extra.Memory != 0 {
		fmt.Fprintf(&text, "      MemorySize: %d\n", f.extra.Memory)
	}
	text.WriteString(indented(f.extra.Properties, "      "))
	text.WriteString("      Policies:\n")
	if f.settings {
		text.WriteString("        - !Ref ReadSettings\n")
	}
	if f.keys {
		text.WriteString("        - !Ref ReadKeys\n")
	}
	if f.limited {
		text.WriteString("        - !If [HasClientKeys, !Ref ReadClientKeys, !Ref AWS::NoValue]\n")
	}
	if len(f.grants) > 0 || f.extra.Statements != "" {
		text.WriteString("        - Version: \"2012-10-17\"\n          Statement:\n")
		text.WriteString(statements(f.grants))
		text.WriteString(indented(f.extra.Statements, "            "))
	}
	return text.String()
}

// statements returns the statements of a role. One statement contains the grants of the same actions on the same table.
func statements(grants []dynamo.Grant) string {
	type place struct{ table, key string }
	actions := map[place][]string{}
	for _, grant := range grants {
		at := place{string(grant.Table), grant.Key}
		actions[at] = append(actions[at], "dynamodb:"+grant.Action)
	}
	keys := map[[2]string][]string{} // by table and actions
	for at, allowed := range actions {
		slices.Sort(allowed)
		group := [2]string{at.table, strings.Join(allowed, ", ")}
		keys[group] = append(keys[group], fmt.Sprintf("%q", at.key))
	}
	groups := slices.SortedFunc(maps.Keys(keys), func(a, b [2]string) int {
		return cmp.Or(-cmp.Compare(a[0], b[0]), cmp.Compare(slices.Min(keys[a]), slices.Min(keys[b])))
	})
	var text strings.Builder
	for _, group := range groups {
		slices.Sort(keys[group])
		fmt.Fprintf(&text, "            - {Effect: Allow, Action: [%s], Resource: !GetAtt %s.Arn,\n", group[1], group[0])
		fmt.Fprintf(&text, "               Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: [%s]}}}\n",
			strings.Join(keys[group], ", "))
	}
	return text.String()
}

// indented puts indent before each line of a text.
func indented(text, indent string) string {
	var all strings.Builder
	for line := range strings.Lines(text) {
		all.WriteString(indent + line)
	}
	return all.String()
}
