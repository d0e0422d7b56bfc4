// Command checkstack reads the CloudFormation template that SAM creates from template.yaml on its standard input. It rejects a
// stack that AWS would refuse, for example because of a circular dependency, or that costs money while idle.
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

	// perFunction is the number of resources that SAM creates for a function: the function, its role, version, alias and deployment
	// group. maxShared limits all other resources, so that the planned 70 functions fit.
	perFunction = 5
	maxShared   = 44
)

// free lists the resource types that cost nothing while idle.
var free = map[string]bool{
	"AWS::ApiGatewayV2::Api":                     true,
	"AWS::ApiGatewayV2::ApiMapping":              true,
	"AWS::ApiGatewayV2::DomainName":              true,
	"AWS::ApiGatewayV2::Stage":                   true,
	"AWS::CloudFormation::CustomResource":        true, // an invocation of a function
	"AWS::CloudWatch::Alarm":                     true, // up to ten metrics
	"AWS::CloudWatch::Dashboard":                 true, // up to three per account
	"AWS::CodeDeploy::Application":               true,
	"AWS::CodeDeploy::DeploymentGroup":           true,
	"AWS::DynamoDB::Table":                       true, // on demand, except for storage
	"AWS::Events::Rule":                          true,
	"AWS::IAM::ManagedPolicy":                    true,
	"AWS::IAM::Role":                             true,
	"AWS::Lambda::Alias":                         true,
	"AWS::Lambda::EventSourceMapping":            true, // of a DynamoDB stream
	"AWS::Lambda::Function":                      true,
	"AWS::Lambda::Permission":                    true,
	"AWS::Lambda::Version":                       true,
	"AWS::Logs::LogGroup":                        true, // except for storage
	"AWS::Logs::MetricFilter":                    true, // its metric is charged for hours with data
	"AWS::Route53::RecordSet":                    true, // in an existing zone
	"AWS::SES::ConfigurationSet":                 true,
	"AWS::SES::ConfigurationSetEventDestination": true,
	"AWS::SNS::Subscription":                     true,
	"AWS::SNS::Topic":                            true,
	"AWS::SNS::TopicPolicy":                      true,
	"AWS::SQS::Queue":                            true,
	"AWS::SSM::Parameter":                        true, // of the standard tier
	"AWS::Scheduler::Schedule":                   true,
}

// resource holds the properties of a resource that determine its price.
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

// check returns a summary of the stack in one line, or all its faults.
func check(template io.Reader) (summary string, err error) {
	text, err := io.ReadAll(template)
	if err != nil {
		return "", fmt.Errorf("reading the stack: %w", err)
	}
	var stack struct{ Resources map[string]resource }
	var whole struct{ Resources map[string]json.RawMessage }
	if err := errors.Join(json.Unmarshal(text, &stack), json.Unmarshal(text, &whole)); err != nil {
		return "", fmt.Errorf("reading the stack: %w", err)
	}
	faults := []error{cycle(whole.Resources)}
	counts := map[string]int{}
	metrics := 0
	for _, name := range slices.Sorted(maps.Keys(stack.Resources)) {
		resource := stack.Resources[name]
		counts[resource.Type]++
		metrics += resource.alarmMetrics()
		if fault := resource.idleCost(); fault != "" {
			faults = append(faults, fmt.Errorf("%s (%s) %s", name, resource.Type, fault))
		}
	}
	faults = append(faults, crowded(stack.Resources)...)
	functions := counts[typeFunction]
	for _, limit := range []struct {
		name     string
		got, max int
	}{
		{"resources", len(stack.Resources), maxResources},
		{fmt.Sprintf("resources besides %d for each function", perFunction), len(stack.Resources) - perFunction*functions, maxShared},
		{"metrics in alarms", metrics, maxAlarmMetrics},
		{"dashboards", counts["AWS::CloudWatch::Dashboard"], maxDashboards},
	} {
		if limit.got > limit.max {
			faults = append(faults, fmt.Errorf("the stack has %d %s, want at most %d", limit.got, limit.name, limit.max))
		}
	}
	if functions == 0 {
		faults = append(faults, errors.New("the stack has no functions"))
	}
	return fmt.Sprintf("the stack has %d resources, including %d functions, and %d metrics in alarms",
		len(stack.Resources), functions, metrics), errors.Join(faults...)
}

const typeFunction = "AWS::Lambda::Function"

// triggers are the types of resources that invoke a function without a route. Few functions have one.
var triggers = []string{"AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"}

// crowded returns an error for each function with more than perFunction resources, unless it has its own trigger.
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
			faults = append(faults, fmt.Errorf("function %s has %d resources, want at most %d: %v",
				function, len(owned[function]), perFunction, owned[function]))
		}
	}
	return faults
}

// owner returns the logical id of the function that a resource belongs to, or "". SAM adds suffixes to the id of the function, so owner
// is the longest such id that name starts with.
func owner(resources map[string]resource, name string) string {
	longest := ""
	for function, resource := range resources {
		if resource.Type == typeFunction && len(function) > len(longest) && strings.HasPrefix(name, function) {
			longest = function
		}
	}
	return longest
}

// alarmMetrics returns the number of metrics for which AWS charges an alarm: those of its expression, or its only one.
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

// idleCost returns the reason why a resource costs money while idle, or "" if it costs nothing.
func (r resource) idleCost() string {
	p := r.Properties
	switch {
	case !free[r.Type]:
		return "has a type that is not in the list of free types"
	case r.Type == "AWS::DynamoDB::Table" && p.BillingMode != "PAY_PER_REQUEST":
		return "has provisioned capacity"
	case p.ProvisionedConcurrencyConfig != nil:
		return "has provisioned concurrency"
	case p.VpcConfig != nil:
		return "is in a VPC, which needs a NAT gateway or endpoints"
	case p.KmsKeyID != nil:
		return "has its own KMS key"
	case p.Tier != nil && p.Tier != "Standard":
		return "is not in the standard tier"
	}
	return ""
}
