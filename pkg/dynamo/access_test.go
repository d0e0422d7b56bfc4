package dynamo_test

import (
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/dynamo"
)

// TestEveryMethodDeclaresItsAccess compares the names only. TestDeclaredAccess compares the grants with calls.
func TestEveryMethodDeclaresItsAccess(t *testing.T) {
	access := dynamo.Access()
	files := filesOfMethods()
	for method, file := range files {
		if len(access[method]) == 0 {
			t.Errorf("got no declaration of the access of %s, want one in pkg/dynamo/%s", method, file)
		}
	}
	for method := range access {
		if files[method] == "" {
			t.Errorf("got a declaration of the access of %s in pkg/dynamo, want none, because the store has no such method", method)
		}
	}
}

// TestDeclaredAccess makes each call of the fault table and compares the permissions that it needs with those that its method
// declares. Each must be declared, and each that is declared must be needed by at least one row of the method.
func TestDeclaredAccess(t *testing.T) {
	access, files := dynamo.Access(), filesOfMethods()
	needed := map[string]map[dynamo.Grant]bool{}
	for row, call := range storeCalls(t) {
		method := methodOf(row)
		if needed[method] == nil {
			needed[method] = map[dynamo.Grant]bool{}
		}
		for _, use := range usesOf(t, call) {
			grant, declared := grantFor(access[method], use)
			if !declared {
				t.Errorf("%s needs %s on %s %s, want it declared in pkg/dynamo/%s", row, use.Action, use.Table, use.Key, files[method])
			}
			needed[method][grant] = true
		}
	}
	for method, grants := range access {
		for _, grant := range grants {
			if !needed[method][grant] {
				t.Errorf("%s declares %+v in pkg/dynamo/%s, which none of its rows in methods_test.go needs", method, grant, files[method])
			}
		}
	}
}

// filesOfMethods returns the name of the file of each exported method of the store.
func filesOfMethods() map[string]string {
	files := map[string]string{}
	for method := range reflect.TypeFor[*dynamo.Store]().Methods() {
		file, _ := runtime.FuncForPC(method.Func.Pointer()).FileLine(method.Func.Pointer())
		files[method.Name] = filepath.Base(file)
	}
	return files
}

// usesOf returns the permissions that a call needs, with the logical ids of the tables.
func usesOf(t *testing.T, call storeCall) []wiretap.Use {
	t.Helper()
	f := onDynoxide(t)
	user, sess := f.prepare(t, call)
	tap := wiretap.New(f.transport)
	f.Store = openStore(f.tables, tap)
	if err := call.do(t.Context(), f, user, sess); err != nil {
		t.Fatal(err)
	}
	logical := map[string]dynamo.Table{f.tables.Users: dynamo.Users, f.tables.Sessions: dynamo.Sessions}
	uses := tap.Uses()
	for i := range uses {
		uses[i].Table = string(logical[uses[i].Table])
	}
	return uses
}

// grantFor returns the grant that covers the use.
func grantFor(grants []dynamo.Grant, use wiretap.Use) (dynamo.Grant, bool) {
	for _, grant := range grants {
		prefix, open := strings.CutSuffix(grant.Key, "*")
		covers := use.Key == grant.Key || open && strings.HasPrefix(use.Key, prefix)
		if covers && grant.Action == use.Action && string(grant.Table) == use.Table {
			return grant, true
		}
	}
	return dynamo.Grant{}, false
}
