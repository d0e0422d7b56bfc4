package sam

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"latchkey/infra/local/stack"
	"latchkey/infra/local/template"
)

// Files that prepare writes. The variables contain the signing keys.
const (
	templateFile  = "template.yaml"
	variablesFile = "variables.json"
)

// prepare deletes the folder and writes the files for SAM into it: the binaries, the template and the variables.
func (r *running) prepare(job stack.Job, folder, architecture string) error {
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700)); err != nil {
		return fmt.Errorf("preparing the folder for SAM: %w", err)
	}
	codes := make(map[string]string, len(job.Template.Functions))
	for _, function := range job.Template.Functions {
		code, err := layOut(function, job.BinDir, filepath.Join(folder, function.Name))
		if err != nil {
			return fmt.Errorf("function %s: %w", function.Name, err)
		}
		codes[function.Name] = code
	}
	text, err := os.ReadFile(job.Template.Path)
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	derived, err := derive(text, codes, architectures[architecture])
	if err != nil {
		return fmt.Errorf("deriving a template for SAM: %w", err)
	}
	variables, err := r.variables(job.Template.Functions)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, templateFile), derived, 0o600),
		os.WriteFile(filepath.Join(folder, variablesFile), variables, 0o600),
	)
}

// layOut creates the folder code with the function's binary in it, under the name of the handler, and returns code.
func layOut(function template.Function, binDir, code string) (string, error) {
	if err := os.Mkdir(code, 0o700); err != nil {
		return "", err
	}
	return code, os.Link(filepath.Join(binDir, path.Base(filepath.ToSlash(function.Folder))), filepath.Join(code, function.Handler))
}

// architectures maps values of GOARCH to Lambda's names.
var architectures = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// derive returns the template with changes that let this machine run the functions: the code of each is the folder in codes, the
// architecture is that of this machine, and the build metadata is removed. Everything else remains as deployed.
func derive(text []byte, codes map[string]string, architecture string) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	resources := member(document.Content[0], "Resources")
	for name, code := range codes {
		function := member(resources, name)
		properties := member(function, "Properties")
		if properties == nil {
			return nil, fmt.Errorf("function %s has no properties", name)
		}
		remove(function, "Metadata")
		set(properties, "CodeUri", &yaml.Node{Kind: yaml.ScalarNode, Value: code})
		set(properties, "Architectures", &yaml.Node{
			Kind: yaml.SequenceNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: architecture}},
		})
	}
	return yaml.Marshal(&document)
}

// position returns the index of a member's value in a mapping, or -1 if there is none.
func position(mapping *yaml.Node, name string) int {
	if mapping == nil {
		return -1
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return i + 1
		}
	}
	return -1
}

func member(mapping *yaml.Node, name string) *yaml.Node {
	if at := position(mapping, name); at >= 0 {
		return mapping.Content[at]
	}
	return nil
}

func set(mapping *yaml.Node, name string, value *yaml.Node) {
	if at := position(mapping, name); at >= 0 {
		mapping.Content[at] = value
		return
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
}

func remove(mapping *yaml.Node, name string) {
	if at := position(mapping, name); at >= 0 {
		mapping.Content = append(mapping.Content[:at-1], mapping.Content[at+1:]...)
	}
}

// variables returns the content of the file for `--env-vars`: the environment of each function, with the addresses at which a container
// reaches this machine.
func (r *running) variables(functions []template.Function) ([]byte, error) {
	all := make(map[string]map[string]string, len(functions))
	for _, function := range functions {
		variables := make(map[string]string, len(function.Environment))
		for name, value := range function.Environment {
			containerValue, err := r.reachable(name, value)
			if err != nil {
				return nil, fmt.Errorf("%s of function %s: %w", name, function.Name, err)
			}
			variables[name] = containerValue
		}
		all[function.Name] = variables
	}
	return json.Marshal(all)
}
