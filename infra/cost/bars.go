package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"latchkey/infra/report"
	"latchkey/infra/testkit/workload"
)

// goal is a measured value with its bar.
type goal struct {
	what     string
	measured float64
	bar      report.Bar
}

// bars returns the goals of a run.
func bars(prices *prices, few, many *scale, sharedLogins int) []goal {
	me, login, refresh := many.costs.of("me").usage, many.costs.of("login").usage, many.costs.of("refresh").usage
	return []goal{
		{"me, store calls", me.storeCalls, report.AtMost(1)},
		{"me, write units", me.writeUnits, report.AtMost(0)},
		{"login, store calls", login.storeCalls, report.AtMost(5)},
		{"login, round trips", login.roundTrips, report.AtMost(5)},
		{"login, write units", login.writeUnits, report.AtMost(3)},
		{"refresh, store calls", refresh.storeCalls, report.AtMost(2)},
		{"refresh, write units", refresh.writeUnits, report.AtMost(1)},
		{"logins with the right password in a minute from one address, each of another user", float64(sharedLogins), report.AtLeast(60)},
		{"US dollars a month for 1,000,000 users", prices.month(million, many.costs.perMillion()), report.AtMost(190)},
		logsBar(many.costs),
		{
			"requests whose calls or units differ between " + report.Count(few.users) + " and " + report.Count(many.users) + " users in the tables",
			float64(len(differing(few.costs, many.costs))), report.AtMost(0),
		},
	}
}

// differing returns the names of the rows with other calls or units. A mail is left out, because its calls are a mean over a batch.
func differing(few, many costs) (names []string) {
	for _, row := range many {
		other, name := few.of(row.row.Name).usage, row.row.Name
		same := other.storeCalls == row.usage.storeCalls && other.readUnits == row.usage.readUnits && other.writeUnits == row.usage.writeUnits
		if !same && name != workload.Mail {
			names = append(names, name)
		}
	}
	return names
}

func printBars(out io.Writer, goals []goal) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "what\tmeasured\tbar\t")
	for _, g := range goals {
		fmt.Fprintf(table, "%s\t%s\t%v\t%s\n", g.what, short(g.measured), g.bar, g.bar.Verdict(g.measured))
	}
	_ = table.Flush() // there is no other place to report an error of the terminal
}

// short formats a value with at most two decimals.
func short(value float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 2, 64), ".00")
}
