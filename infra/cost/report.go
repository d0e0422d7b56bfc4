package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"latchkey/infra/local/template"
)

// cost is a row with what it takes and what it costs.
type cost struct {
	row      row
	function template.Function
	took     reading
	bill     bill
}

// costs are the rows of the first table.
type costs struct{ rows []cost }

func (c *costs) add(r *rig, prices *prices, row row, took reading) error {
	function, err := r.function(row.folder)
	if err != nil {
		return err
	}
	byHTTP := row.folder != mailer
	c.rows = append(c.rows, cost{row: row, function: function, took: took, bill: prices.invoice(took, function, byHTTP)})
	return nil
}

// perMillion is what a million of each row costs.
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
		t, b := row.took, row.bill
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.2f\t%.1f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n",
			row.row.name, row.function.MemoryMB, t.storeCalls, t.readUnits, t.writeUnits, inMilliseconds(t.cpu), inMilliseconds(b.billed),
			t.logBytes, b.gateway, b.lambda, b.store, b.logs, b.transfer, b.mail, b.total())
	}
	_ = table.Flush() // to a terminal, where nobody is left to be told
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / millisecond }

func newTable(out io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
}

// userCounts are the columns of the second table.
var userCounts = []float64{1e3, 1e4, 1e5, 1e6, 1e7}

// printMonths prints what a month costs for so many users, here and elsewhere.
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
			fmt.Fprint(table, asked(service.monthlyPrice(users)), "\t")
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // as above
	fmt.Fprintln(out)
	for _, service := range prices.Services {
		fmt.Fprintf(out, "%s: %s, as of %s; %s\n", service.Name, service.From, service.AsOf, service.Note)
	}
}

// asked is a list price, or that there is none.
func asked(dollars float64, ok bool) string {
	if !ok {
		return "quote"
	}
	return fmt.Sprintf("%.0f", dollars)
}
