package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"latchkey/infra/local/template"
)

// cost is a row with its usage and its price.
type cost struct {
	row      row
	function template.Function
	usage    usage
	bill     bill
}

// costs holds the rows of the first table.
type costs struct{ rows []cost }

func (c *costs) add(r *rig, prices *prices, row row, usage usage) error {
	function, err := r.function(row.folder)
	if err != nil {
		return err
	}
	byHTTP := row.folder != mailer
	c.rows = append(c.rows, cost{row: row, function: function, usage: usage, bill: prices.invoice(usage, function, byHTTP)})
	return nil
}

// perMillion returns the dollars per million requests of each row.
func (c *costs) perMillion() map[string]float64 {
	dollars := map[string]float64{}
	for _, row := range c.rows {
		dollars[row.row.name] = row.bill.total()
	}
	return dollars
}

func (c *costs) print(out io.Writer) {
	fmt.Fprintln(out, "Measured on one request, and US dollars for a million")
	fmt.Fprintln(out)
	table := newTable(out)
	fmt.Fprintln(table, "request\tMB\tcalls\tRU\tWU\tCPU ms\tbilled ms\tlog B\tgateway\tLambda\tDynamoDB\tlogs\ttraffic\tmail\ttotal\t")
	for _, row := range c.rows {
		u, b := row.usage, row.bill
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.2f\t%.1f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n",
			row.row.name, row.function.MemoryMB, u.storeCalls, u.readUnits, u.writeUnits, inMilliseconds(u.cpu), inMilliseconds(b.billed),
			u.logBytes, b.gateway, b.lambda, b.store, b.logs, b.transfer, b.mail, b.total())
	}
	_ = table.Flush() // there is no other place to report an error of the terminal
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / millisecond }

func newTable(out io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// userCounts holds the columns of the second table.
var userCounts = []float64{1e3, 1e4, 1e5, 1e6, 1e7}

// printMonths prints the price of a month for each number of users, for Latchkey and for other services.
func printMonths(out io.Writer, prices *prices, perMillion map[string]float64) {
	fmt.Fprintln(out, "\nUS dollars a month, by monthly users")
	fmt.Fprintln(out)
	table := newTable(out)
	fmt.Fprintln(table, "\t1 k\t10 k\t100 k\t1 M\t10 M\t")
	fmt.Fprint(table, "Latchkey\t")
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
