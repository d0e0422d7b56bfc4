package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"latchkey/infra/local/template"
	"latchkey/infra/report"
	"latchkey/infra/testkit/workload"
)

// cost is a row with its usage and its price.
type cost struct {
	row      workload.Row
	function template.Function
	usage    usage
	bill     bill
}

// costs holds the rows of the first table.
type costs []cost

func (s *scale) add(prices *prices, row workload.Row, used usage) error {
	function, err := s.rig.Function(row.Folder)
	if err != nil {
		return err
	}
	byHTTP := row.Folder != workload.Mailer
	s.costs = append(s.costs, cost{row: row, function: function, usage: used, bill: prices.invoice(used, function, byHTTP)})
	return nil
}

// of returns the row with that name.
func (c costs) of(name string) cost {
	for _, row := range c {
		if row.row.Name == name {
			return row
		}
	}
	panic("cost: no row is named " + name)
}

// perMillion returns the dollars per million requests of each row.
func (c costs) perMillion() map[string]float64 {
	dollars := map[string]float64{}
	for _, row := range c {
		dollars[row.row.Name] = row.bill.total()
	}
	return dollars
}

// printReport prints all tables. The second one compares the first with its bars and with the costs in a smaller table.
func printReport(out io.Writer, prices *prices, few, many *scale, sharedLogins int) {
	fmt.Fprintln(out, "Measured on the second request of a caller, at least a minute after the first, with",
		report.Count(many.users), "users in the")
	fmt.Fprintln(out, "tables, and US dollars for a million requests")
	fmt.Fprintln(out)
	many.costs.print(out)
	fmt.Fprintln(out, "\nBars")
	fmt.Fprintln(out)
	printBars(out, bars(prices, few, many, sharedLogins))
	for _, name := range differing(few.costs, many.costs) {
		fmt.Fprintf(out, "%s: with %s users got %v\n", name, report.Count(few.users), few.costs.of(name).usage)
	}
	printMonths(out, prices, many.costs.perMillion())
	printParts(out, prices, many.costs)
}

// printParts prints what a month of a million users is for.
func printParts(out io.Writer, prices *prices, costs costs) {
	var sum bill
	for name, times := range prices.Pattern.Times {
		one := costs.of(name).bill
		sum.gateway += times * one.gateway
		sum.lambda += times * one.lambda
		sum.store += times * one.store
		sum.logs += times * one.logs
		sum.transfer += times * one.transfer
		sum.mail += times * one.mail
	}
	fmt.Fprintf(out, "\n%s with 1,000,000 users: gateway %.2f, Lambda %.2f, DynamoDB %.2f, logs %.2f, traffic %.2f, mail %.2f, storage %.2f\n",
		ownName, sum.gateway, sum.lambda, sum.store, sum.logs, sum.transfer, sum.mail, prices.month(million, nil))
}

func (c costs) print(out io.Writer) {
	table := newTable(out)
	fmt.Fprintln(table, "request\tMB\tcalls\ttrips\tRU\tWU\tCPU ms\tbilled ms\tlog B\tgateway\tLambda\tDynamoDB\tlogs\ttraffic\tmail\ttotal\t")
	for _, row := range c {
		u, b := row.usage, row.bill
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.1f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n",
			row.row.Name, row.function.MemoryMB, u.storeCalls, u.roundTrips, u.readUnits, u.writeUnits, inMilliseconds(u.cpu),
			inMilliseconds(b.billed), u.logBytes, b.gateway, b.lambda, b.store, b.logs, b.transfer, b.mail, b.total())
	}
	_ = table.Flush() // there is no other place to report an error of the terminal
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / millisecond }

func newTable(out io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// userCounts holds the columns of the last table.
var userCounts = []float64{1e3, 1e4, 1e5, 1e6, 1e7}

const (
	monthsTitle = "US dollars a month, by monthly users"
	ownName     = "Latchkey"
)

// printMonths prints the price of a month for each number of users, for Latchkey and for other services.
func printMonths(out io.Writer, prices *prices, perMillion map[string]float64) {
	fmt.Fprintln(out, "\n"+monthsTitle)
	fmt.Fprintln(out)
	table := newTable(out)
	fmt.Fprintln(table, "\t1 k\t10 k\t100 k\t1 M\t10 M\t")
	fmt.Fprint(table, ownName+"\t")
	for _, users := range userCounts {
		fmt.Fprintf(table, "%.2f\t", prices.month(users, perMillion))
	}
	fmt.Fprintln(table)
	for _, service := range prices.Services {
		fmt.Fprint(table, service.Name, "\t")
		for _, users := range userCounts {
			fmt.Fprint(table, listPrice(service.monthlyPrice(users)), "\t")
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // as above
	fmt.Fprintln(out)
	for _, service := range prices.Services {
		fmt.Fprintf(out, "%s: %s, as of %s; %s\n", service.Name, service.From, service.AsOf, service.Note)
	}
}

// listPrice formats a list price. Without one, a customer has to ask for a quote.
func listPrice(dollars float64, ok bool) string {
	if !ok {
		return "quote"
	}
	return fmt.Sprintf("%.0f", dollars)
}
