package main

import (
	"fmt"
	"strings"

	"latchkey/pkg/contract"
)

// counts returns the table of what requests count for, in Markdown: a row for each endpoint, and a column for each kind of caller.
func counts() string {
	var table strings.Builder
	header, rule := "| Endpoint | Tier |", "|---|---|"
	for _, caller := range contract.Callers {
		header += " " + string(caller) + " |"
		rule += "---|"
	}
	fmt.Fprintf(&table, "%s\n%s\n", header, rule)
	for _, endpoint := range contract.Endpoints {
		fmt.Fprintf(&table, "| `%s` | %s |", endpoint.Key(), endpoint.Tier)
		for _, caller := range contract.Callers {
			fmt.Fprintf(&table, " %s |", endpoint.CountsFor(caller))
		}
		table.WriteString("\n")
	}
	return table.String()
}
