package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"latchkey/infra/report"
)

// The files in infra/docs that a run writes, and the command that their readers use.
const (
	page    = "cost.md"
	plot    = "cost.svg"
	command = "make cost"
)

// document writes the output into the page in a folder, and the plot of it beside the page.
func document(folder, output string) error {
	drawn, err := drawMonths(output)
	if err != nil {
		return err
	}
	if err := report.WriteOutput(filepath.Join(folder, page), command, output); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, plot), []byte(drawn), 0o644)
}

// The ends of the vertical axis of the plot.
const lowDollars, highDollars = 0.01, 1e6

// drawMonths draws the monthly price by users: that of Latchkey from an output, those of other services from their price lists.
func drawMonths(output string) (string, error) {
	prices, err := readPrices(pricesFile)
	if err != nil {
		return "", err
	}
	own, err := ownMonths(output)
	if err != nil {
		return "", err
	}
	series := []report.Series{own}
	var free report.Free
	for _, service := range prices.Services {
		if end := service.end(); end > 0 {
			free = report.Free{Text: fmt.Sprintf("%s: no charge to %s users, then by quote", service.Name, report.Count(int(end))), End: end}
			continue
		}
		series = append(series, report.Series{Name: service.Name, Points: service.points()})
	}
	return report.Lines{
		Title:       "Monthly cost by number of users",
		Description: "Latchkey costs " + dollars(own.Points[3].Y) + " a month for a million users.",
		XLabel:      "users who are active in a month",
		YLabel:      "US dollars a month, at list prices",
		XTick:       userLabel,
		YTick:       dollars,
		LowX:        userCounts[0], HighX: userCounts[len(userCounts)-1],
		LowY: lowDollars, HighY: highDollars,
		Notes: []string{
			"A line begins where a free allowance ends. The sources and dates of the prices are in infra/cost/prices.yaml; prices may have changed.",
		},
		Series: series,
		Free:   free,
	}.SVG(), nil
}

// ownMonths returns the months of Latchkey in an output.
func ownMonths(output string) (report.Series, error) {
	_, months, _ := strings.Cut(output, monthsTitle)
	cells, found := report.Row(months, ownName)
	if !found || len(cells) != len(userCounts) {
		return report.Series{}, errors.New("the output has no row of months of " + ownName)
	}
	own := report.Series{Name: ownName}
	for i, cell := range cells {
		price, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			return report.Series{}, fmt.Errorf("reading the months of %s: %w", ownName, err)
		}
		own.Points = append(own.Points, report.Point{X: userCounts[i], Y: price})
	}
	return own, nil
}

// pointsPerDecade is enough for a line that bends at the steps of a price list.
const pointsPerDecade = 40

// points returns the price at many numbers of users.
func (s service) points() (points []report.Point) {
	low, high := userCounts[0], userCounts[len(userCounts)-1]
	count := int(math.Round(math.Log10(high/low) * pointsPerDecade))
	for i := range count + 1 {
		users := math.Round(low * math.Pow(10, float64(i)/pointsPerDecade))
		price, _ := s.monthlyPrice(users)
		points = append(points, report.Point{X: users, Y: price})
	}
	return points
}

// end returns the number of users after which a price list ends, or 0 if it has no end within the plot.
func (s service) end() float64 {
	last := s.Steps[len(s.Steps)-1].To
	if last == 0 || last >= userCounts[len(userCounts)-1] {
		return 0
	}
	return last
}

// dollars formats an amount for a label.
func dollars(amount float64) string {
	if amount < 1 {
		return fmt.Sprintf("$%g", amount)
	}
	return "$" + report.Count(int(math.Round(amount)))
}

// userLabel formats a number of users.
func userLabel(users float64) string { return report.Count(int(math.Round(users))) }
