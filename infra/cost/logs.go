package main

import "latchkey/infra/report"

// logs returns the price of the lines of a million requests: of receiving them, and of storing them for as long as prod does. No other
// line is charged, because Lambda only writes lines of its own about failures and API Gateway writes none.
func (p *prices) logs(u usage) float64 {
	charged := u.logBytes + u.logLines*p.Assumed.LogEvent
	return million * charged / gigabyte * (p.AWS.Logs.Price + p.Assumed.LogMonths*p.AWS.LogStore.Price)
}

const logsGoal = "US dollars for the logs of 1,000,000 requests"

// logsBar returns the goal for the row with the longest line.
func logsBar(rows costs) goal {
	var longest cost
	for _, row := range rows {
		if row.bill.logs > longest.bill.logs {
			longest = row
		}
	}
	return goal{logsGoal + " (" + longest.row.Name + ")", longest.bill.logs, report.AtMost(0.30)}
}
