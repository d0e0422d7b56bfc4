// Command checkstack reads the CloudFormation template that SAM creates from template.yaml on its standard input. It rejects a
// stack that AWS would refuse, or that costs money while idle.
//
// A resource type that is not in the list of free types is rejected, so that its price is checked before it is added. cfn-lint
// checks the form of the resources.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Limits of a stack. CloudFormation accepts 500 resources, and functions are still to come. CloudWatch gives an account ten free
// metrics in alarms and three free dashboards, one for each stage.
const (
	maxResources    = 400
	maxAlarmMetrics = 10
	maxDashboards   = 1

	// perFunction counts what SAM makes of a function: function, role, version, alias and deployment group. About 70 functions are
	// planned, which fit with maxShared further resources.
	perFunction = 5
	maxShared   = 44
)

// free lists the resource types that cost nothing while idle.
var free = map[string]bool{
	"AWS::ApiGatewayV2::Api":                     true,
	"AWS::ApiGatewayV2::ApiMapping":              true,
	"AWS::ApiGatewayV2::DomainName":              true,
	"AWS::ApiGatewayV2::Stage":                   true,
	"AWS::CloudFormation::CustomResource":        true, // a call of a function
	"AWS::CloudWatch::Alarm":                     true, // up to ten metrics
	"AWS::CloudWatch::Dashboard":                 true, // up to three in an account
	"AWS::CodeDeploy::Application":               true,
	"AWS::CodeDeploy::DeploymentGroup":           true,
	"AWS::DynamoDB::Table":                       true, // on demand; storage apart
	"AWS::Events::Rule":                          true,
	"AWS::IAM::ManagedPolicy":                    true,
	"AWS::IAM::Role":                             true,
	"AWS::Lambda::Alias":                         true,
	"AWS::Lambda::EventSourceMapping":            true, // of a DynamoDB stream
	"AWS::Lambda::Function":                      true,
	"AWS::Lambda::Permission":                    true,
	"AWS::Lambda::Version":                       true,
	"AWS::Logs::LogGroup":                        true, // storage apart
	"AWS::Logs::MetricFilter":                    true, // its metric is paid for hours with data
	"AWS::Route53::RecordSet":                    true, // of a zone that is there already
	"AWS::SES::ConfigurationSet":                 true,
	"AWS::SES::ConfigurationSetEventDestination": true,
	"AWS::SES::EmailIdentity":                    true,
	"AWS::SNS::Subscription":                     true,
	"AWS::SNS::Topic":                            true,
	"AWS::SNS::TopicPolicy":                      true,
	"AWS::SQS::Queue":                            true,
	"AWS::SSM::Parameter":                        true, // of the standard tier
	"AWS::Scheduler::Schedule":                   true,
}

// resource is the part of a resource that decides what it costs.
type resource struct {
	Type       string
	Properties struct {
		BillingMode                  any               // of a table
		Metrics                      []json.RawMessage // of an alarm over an expression
		ProvisionedConcurrencyConfig any               // of an alias
		VpcConfig                    any               // of a function
		KmsKeyID                     any               `json:"KmsKeyId"`
		Tier                         any               // of a parameter
	}
}

func main() {
	summary, err := check(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(summary)
}

// check returns what the stack consists of, in one line, or all its faults.
func check(template io.Reader) (summary string, err error) {
	var stack struct{ Resources map[string]resource }
	if err := json.NewDecoder(template).Decode(&stack); err != nil {
		return "", fmt.Errorf("reading the stack: %w", err)
	}
	var faults []error
	counts := map[string]int{}
	metrics := 0
	for _, name := range slices.Sorted(maps.Keys(stack.Resources)) {
		found := stack.Resources[name]
		counts[found.Type]++
		metrics += found.alarmMetrics()
		if fault := found.cost(); fault != "" {
			faults = append(faults, fmt.Errorf("%s (%s) %s", name, found.Type, fault))
		}
	}
	faults = append(faults, crowded(stack.Resources)...)
	functions := counts[typeFunction]
	for _, limit := range []struct {
		what      string
		have, may int
	}{
		{"resources", len(stack.Resources), maxResources},
		{"resources beside five for each function", len(stack.Resources) - perFunction*functions, maxShared},
		{"metrics in alarms", metrics, maxAlarmMetrics},
		{"dashboards", counts["AWS::CloudWatch::Dashboard"], maxDashboards},
	} {
		if limit.have > limit.may {
			faults = append(faults, fmt.Errorf("the stack has %d %s, more than %d", limit.have, limit.what, limit.may))
		}
	}
	if functions == 0 {
		faults = append(faults, errors.New("the stack has no function"))
	}
	return fmt.Sprintf("the stack has %d resources, %d functions among them, and %d metrics in alarms",
		len(stack.Resources), functions, metrics), errors.Join(faults...)
}

const typeFunction = "AWS::Lambda::Function"

// triggers are the kinds of resources that invoke a function without a route. Few functions have one.
var triggers = []string{"AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"}

// crowded names each function that adds more than perFunction resources and has no trigger of its own.
func crowded(resources map[string]resource) []error {
	owned := map[string][]string{}
	triggered := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		function := owner(resources, name)
		owned[function] = append(owned[function], name)
		triggered[function] = triggered[function] || slices.Contains(triggers, resources[name].Type)
	}
	delete(owned, "")
	var faults []error
	for _, function := range slices.Sorted(maps.Keys(owned)) {
		if len(owned[function]) > perFunction && !triggered[function] {
			faults = append(faults, fmt.Errorf("function %s has the %d resources %v, more than %d",
				function, len(owned[function]), owned[function], perFunction))
		}
	}
	return faults
}

// owner returns the function with the longest logical id that name begins with, as SAM names what it makes of a function; "" for none.
func owner(resources map[string]resource, name string) string {
	longest := ""
	for function, found := range resources {
		if found.Type == typeFunction && len(function) > len(longest) && strings.HasPrefix(name, function) {
			longest = function
		}
	}
	return longest
}

// alarmMetrics counts the metrics that an alarm is paid for: those of its expression, or the one it watches.
func (r resource) alarmMetrics() int {
	if r.Type != "AWS::CloudWatch::Alarm" {
		return 0
	}
	metrics := 0
	for _, metric := range r.Properties.Metrics {
		var parsed struct{ MetricStat any }
		if json.Unmarshal(metric, &parsed) == nil && parsed.MetricStat != nil {
			metrics++
		}
	}
	return max(metrics, 1)
}

// cost says why a resource costs money while idle; "" if it does not.
func (r resource) cost() string {
	p := r.Properties
	switch {
	case !free[r.Type]:
		return "is of a kind that is not known to cost nothing while idle"
	case r.Type == "AWS::DynamoDB::Table" && p.BillingMode != "PAY_PER_REQUEST":
		return "has provisioned capacity"
	case p.ProvisionedConcurrencyConfig != nil:
		return "has provisioned concurrency"
	case p.VpcConfig != nil:
		return "is in a VPC, which needs a NAT gateway or endpoints"
	case p.KmsKeyID != nil:
		return "has a key of its own"
	case p.Tier != nil && p.Tier != "Standard":
		return "is not of the standard tier"
	}
	return ""
}
