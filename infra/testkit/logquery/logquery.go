// Package logquery evaluates the queries of the runbook and the metric filters of template.yaml on log lines. It understands the
// part of two languages of CloudWatch Logs that they use: filter patterns for JSON, and the commands filter, stats, sort, fields
// and limit of Logs Insights. Anything else is an error.
//
// It shows that a query finds the lines that it should find, and that their members exist. It computes no statistics.
package logquery

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Line is a line of the log, with its members by their paths, such as record.status.
type Line map[string]any

// Parse returns the line with this text. A text that is not a JSON object has no members, as in CloudWatch.
func Parse(text string) Line {
	var members map[string]any
	line := Line{}
	if json.Unmarshal([]byte(text), &members) == nil {
		line.add("", members)
	}
	return line
}

func (l Line) add(prefix string, members map[string]any) {
	for name, value := range members {
		if nested, is := value.(map[string]any); is {
			l.add(prefix+name+".", nested)
			continue
		}
		l[prefix+name] = value
	}
}

// Pattern returns the lines that match a filter pattern, such as { $.status >= 500 && $.msg != "x *" }.
func Pattern(pattern string, lines []Line) ([]Line, error) {
	inner, opened := strings.CutPrefix(strings.TrimSpace(pattern), "{")
	inner, closed := strings.CutSuffix(inner, "}")
	if !opened || !closed {
		return nil, fmt.Errorf("the pattern %s is not for JSON", pattern)
	}
	return matching(inner, lines)
}

// Insights returns the lines that pass the filters of a query of Logs Insights. It returns an error if none of them has a member that
// a later command uses.
func Insights(query string, lines []Line) ([]Line, error) {
	for command := range strings.SplitSeq(query, "|") {
		name, argument, _ := strings.Cut(strings.TrimSpace(command), " ")
		var err error
		switch name {
		case "filter":
			lines, err = matching(argument, lines)
		case "stats", "fields":
			err = membersExist(argument, lines)
		case "sort", "limit":
		default:
			err = fmt.Errorf("the command %q is not supported", name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSpace(command), err)
		}
	}
	return lines, nil
}

// used matches a member in a command. A word before a parenthesis is the name of a function. renamed matches the new name of a result.
var (
	used    = regexp.MustCompile(`(@?[a-zA-Z_][\w.]*)(\()?`)
	renamed = regexp.MustCompile(` as \w+`)
)

// membersExist returns an error for the members of a command that no line has. CloudWatch itself adds those that begin with @.
func membersExist(command string, lines []Line) error {
	for _, match := range used.FindAllStringSubmatch(renamed.ReplaceAllString(command, ""), -1) {
		name := match[1]
		if match[2] == "(" || name == "by" || strings.HasPrefix(name, "@") {
			continue
		}
		found := false
		for _, line := range lines {
			found = found || line[name] != nil
		}
		if !found {
			return fmt.Errorf("none of the %d lines has the member %s", len(lines), name)
		}
	}
	return nil
}

func matching(condition string, lines []Line) ([]Line, error) {
	p := &parser{tokens: tokens.FindAllString(condition, -1)}
	matches, err := p.any()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%q is not supported here", p.tokens[0])
	}
	if err != nil {
		return nil, fmt.Errorf("the condition %s: %w", strings.TrimSpace(condition), err)
	}
	var matched []Line
	for _, line := range lines {
		if matches(line) {
			matched = append(matched, line)
		}
	}
	return matched, nil
}

// tokens matches a parenthesis, an operator, a quoted text, or a member, number or word.
var tokens = regexp.MustCompile(`[()]|&&|\|\||[<>!]?=|[<>]|"[^"]*"|[^\s()=<>!&|"]+`)

// test is a condition.
type test func(Line) bool

// parser parses conditions by recursive descent.
type parser struct{ tokens []string }

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

func (p *parser) at(tokens ...string) bool {
	for _, token := range tokens {
		if len(p.tokens) > 0 && p.tokens[0] == token {
			p.tokens = p.tokens[1:]
			return true
		}
	}
	return false
}

func (p *parser) any() (test, error) {
	left, err := p.all()
	for err == nil && p.at("or", "||") {
		var right test
		before := left
		right, err = p.all()
		left = func(l Line) bool { return before(l) || right(l) }
	}
	return left, err
}

func (p *parser) all() (test, error) {
	left, err := p.one()
	for err == nil && p.at("and", "&&") {
		var right test
		before := left
		right, err = p.one()
		left = func(l Line) bool { return before(l) && right(l) }
	}
	return left, err
}

func (p *parser) one() (test, error) {
	if p.at("(") {
		inner, err := p.any()
		if err == nil && !p.at(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return inner, err
	}
	name, operator, operand := strings.TrimPrefix(p.next(), "$."), p.next(), p.next()
	if operand == "" {
		return nil, errors.New("a comparison is incomplete")
	}
	if quoted, is := strings.CutPrefix(operand, `"`); is {
		return compareText(name, operator, strings.TrimSuffix(quoted, `"`))
	}
	number, err := strconv.ParseFloat(operand, 64)
	if err != nil {
		return nil, fmt.Errorf("%s is neither a number nor quoted", operand)
	}
	return compareNumber(name, operator, number)
}

// compareText compares with a text, in which * stands for any text. A line without the member matches no comparison.
func compareText(name, operator, want string) (test, error) {
	if operator != "=" && operator != "!=" {
		return nil, fmt.Errorf("%s does not compare texts", operator)
	}
	parts := strings.Split(want, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	whole, err := regexp.Compile("(?s)^" + strings.Join(parts, ".*") + "$")
	if err != nil {
		return nil, fmt.Errorf("the text %s: %w", want, err)
	}
	return func(l Line) bool {
		got, is := l[name].(string)
		return is && whole.MatchString(got) == (operator == "=")
	}, nil
}

func compareNumber(name, operator string, want float64) (test, error) {
	compare, known := map[string]func(float64) bool{
		"=":  func(got float64) bool { return got == want },
		"!=": func(got float64) bool { return got != want },
		">":  func(got float64) bool { return got > want },
		">=": func(got float64) bool { return got >= want },
		"<":  func(got float64) bool { return got < want },
		"<=": func(got float64) bool { return got <= want },
	}[operator]
	if !known {
		return nil, fmt.Errorf("%s does not compare numbers", operator)
	}
	return func(l Line) bool {
		got, is := l[name].(float64)
		return is && compare(got)
	}, nil
}
