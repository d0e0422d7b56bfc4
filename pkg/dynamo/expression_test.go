package dynamo

import (
	"reflect"
	"testing"
)

func TestExpress(t *testing.T) {
	tests := map[string]struct {
		when              clause
		changes           []change
		update, condition string
		names             map[string]string
		values            item
	}{
		"nothing": {},
		"a condition": {
			when:      missing(),
			condition: "attribute_not_exists(#0)",
			names:     map[string]string{"#0": "pk"},
		},
		"a name that occurs twice": {
			when:      present(equal("exp", number(1)), or(absent("end"), compare("exp", "<=", number(2)))),
			condition: "attribute_exists(#0) AND #1 = :0 AND (attribute_not_exists(#2) OR #1 <= :1)",
			names:     map[string]string{"#0": "pk", "#1": "exp", "#2": "end"},
			values:    item{":0": number(1), ":1": number(2)},
		},
		"changes of each kind": {
			when:      oneOf("state", text("a"), text("b")),
			changes:   []change{remove("a"), add("b", 1), set("c", number(2)), setDefault("d", number(3)), increase("e", -1)},
			update:    "SET #0 = :0, #1 = if_not_exists(#1, :1), #2 = #2 + :2 ADD #3 :3 REMOVE #4",
			condition: "#5 IN (:4, :5)",
			names:     map[string]string{"#0": "c", "#1": "d", "#2": "e", "#3": "b", "#4": "a", "#5": "state"},
			values: item{
				":0": number(2), ":1": number(3), ":2": number(-1), ":3": number(1), ":4": text("a"), ":5": text("b"),
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := expression{names: test.names, values: test.values}
			if test.update != "" {
				want.update = &test.update
			}
			if test.condition != "" {
				want.condition = &test.condition
			}
			if got := express(test.when, test.changes...); !reflect.DeepEqual(got, want) {
				t.Errorf("got update %v, condition %v, names %v, values %v\nwant %q, %q, %v, %v", deref(got.update), deref(got.condition),
					got.names, got.values, test.update, test.condition, test.names, test.values)
			}
		})
	}
}

func deref(text *string) string {
	if text == nil {
		return "<nil>"
	}
	return *text
}
