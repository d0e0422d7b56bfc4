package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// program is the type-checked source of the product: packages below pkg/ and the mains of the functions.
type program struct {
	fset     *token.FileSet
	exports  map[string]string // by import path of packages outside the product, the file with their export data
	sources  map[string]listed
	checked  map[string]*types.Package
	bodies   map[*types.Func]*ast.FuncDecl
	uses     map[*ast.Ident]types.Object
	concrete []*types.Named
}

// listed is what `go list` reports about a package.
type listed struct {
	ImportPath string
	Dir        string
	Export     string
	GoFiles    []string
}

const module = "latchkey/"

// load type-checks the product below root.
func load(root string) (*program, error) {
	p := &program{
		fset: token.NewFileSet(), exports: map[string]string{}, sources: map[string]listed{},
		checked: map[string]*types.Package{}, bodies: map[*types.Func]*ast.FuncDecl{}, uses: map[*ast.Ident]types.Object{},
	}
	list := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "./functions/...")
	list.Dir, list.Stderr = root, os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var found listed
		if err := decoder.Decode(&found); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		if strings.HasPrefix(found.ImportPath, module) {
			p.sources[found.ImportPath] = found
		} else {
			p.exports[found.ImportPath] = found.Export
		}
	}
	foreign := importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(p.exports[path]) })
	for path := range p.sources {
		if _, err := p.check(path, foreign); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// imports resolves the product's packages from source, and all others from their export data.
type imports struct {
	program *program
	foreign types.Importer
}

// Import implements [types.Importer].
func (i imports) Import(path string) (*types.Package, error) {
	if _, own := i.program.sources[path]; own {
		return i.program.check(path, i.foreign)
	}
	return i.foreign.Import(path)
}

// check type-checks one package of the product, once.
func (p *program) check(path string, foreign types.Importer) (*types.Package, error) {
	if done, is := p.checked[path]; is {
		return done, nil
	}
	var files []*ast.File
	for _, name := range p.sources[path].GoFiles {
		file, err := parser.ParseFile(p.fset, filepath.Join(p.sources[path].Dir, name), nil, 0)
		if err != nil {
			return nil, fmt.Errorf("parsing %s: %w", path, err)
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: imports{p, foreign}}
	checked, err := config.Check(path, p.fset, files, info)
	if err != nil {
		return nil, fmt.Errorf("type-checking %s: %w", path, err)
	}
	p.checked[path] = checked
	p.collect(files, info, checked)
	return checked, nil
}

// collect adds the functions of a package with their bodies, its uses of names, and its concrete types.
func (p *program) collect(files []*ast.File, info *types.Info, checked *types.Package) {
	for identifier, object := range info.Uses {
		p.uses[identifier] = object
	}
	for _, file := range files {
		for _, declaration := range file.Decls {
			if function, is := declaration.(*ast.FuncDecl); is && function.Body != nil {
				p.bodies[info.Defs[function.Name].(*types.Func)] = function
			}
		}
	}
	for _, name := range checked.Scope().Names() {
		if named, is := types.Unalias(checked.Scope().Lookup(name).Type()).(*types.Named); is && !types.IsInterface(named) {
			p.concrete = append(p.concrete, named)
		}
	}
}

// reach returns the functions of the product that the roots can reach: by a call, by mentioning them, and through an interface of
// the product at every type that implements it. It does not enter the functions that stop names.
func (p *program) reach(roots []*types.Func, stop map[string]bool) map[*types.Func]bool {
	reached := map[*types.Func]bool{}
	for len(roots) > 0 {
		function := roots[len(roots)-1].Origin()
		roots = roots[:len(roots)-1]
		body, own := p.bodies[function]
		if reached[function] || !own {
			continue
		}
		reached[function] = true
		if stop[function.FullName()] {
			continue
		}
		ast.Inspect(body.Body, func(node ast.Node) bool {
			identifier, is := node.(*ast.Ident)
			if mentioned, isFunction := p.uses[identifier].(*types.Func); is && isFunction {
				roots = append(roots, p.implementations(mentioned)...)
			}
			return true
		})
	}
	return reached
}

// implementations returns the functions that a use of mentioned can call: itself, or for a method of an interface, the method of
// that name of each type that implements the interface.
func (p *program) implementations(mentioned *types.Func) []*types.Func {
	receiver := mentioned.Signature().Recv()
	if receiver == nil || !types.IsInterface(receiver.Type()) {
		return []*types.Func{mentioned}
	}
	if mentioned.Pkg() == nil || !strings.HasPrefix(mentioned.Pkg().Path(), module) {
		return nil
	}
	wanted := receiver.Type().Underlying().(*types.Interface)
	var all []*types.Func
	for _, named := range p.concrete {
		pointer := types.NewPointer(named)
		if named.TypeParams().Len() > 0 || !types.Implements(pointer, wanted) {
			continue
		}
		method, _, _ := types.LookupFieldOrMethod(pointer, true, mentioned.Pkg(), mentioned.Name())
		all = append(all, method.(*types.Func))
	}
	return all
}
