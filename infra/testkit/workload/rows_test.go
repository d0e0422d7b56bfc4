package workload_test

import (
	"slices"
	"testing"

	"latchkey/infra/testkit/workload"
	"latchkey/pkg/contract"
)

func TestEveryEndpointHasARow(t *testing.T) {
	for _, endpoint := range contract.Endpoints {
		if !slices.ContainsFunc(workload.Honest, func(r workload.Row) bool { return slices.Contains(r.Endpoints, endpoint) }) {
			t.Errorf("%s has no row: add one to infra/testkit/workload/rows.go", endpoint.Key())
		}
	}
}
