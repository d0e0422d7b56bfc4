package main

import (
	"fmt"
	"strings"
	"testing"
)

const function = `"Me":{"Type":"AWS::Lambda::Function"}`

func TestCheck(t *testing.T) {
	tests := map[string]struct{ resources, want string }{
		"one function":            {function, ""},
		"no functions":            {`"T":{"Type":"AWS::SNS::Topic"}`, "the stack has no functions"},
		"unknown type":            {function + `,"Nat":{"Type":"AWS::EC2::NatGateway"}`, "Nat (AWS::EC2::NatGateway) has a type that is not in the list of free types"},
		"provisioned capacity":    {function + `,"T":{"Type":"AWS::DynamoDB::Table"}`, "T (AWS::DynamoDB::Table) has provisioned capacity"},
		"on demand":               {function + `,"T":{"Type":"AWS::DynamoDB::Table","Properties":{"BillingMode":"PAY_PER_REQUEST"}}`, ""},
		"provisioned concurrency": {function + `,"A":{"Type":"AWS::Lambda::Alias","Properties":{"ProvisionedConcurrencyConfig":{}}}`, "has provisioned concurrency"},
		"VPC":                     {`"Me":{"Type":"AWS::Lambda::Function","Properties":{"VpcConfig":{"SubnetIds":[]}}}`, "Me (AWS::Lambda::Function) is in a VPC"},
		"KMS key":                 {function + `,"L":{"Type":"AWS::Logs::LogGroup","Properties":{"KmsKeyId":"k"}}`, "has its own KMS key"},
		"advanced tier":           {function + `,"P":{"Type":"AWS::SSM::Parameter","Properties":{"Tier":"Advanced"}}`, "is not in the standard tier"},
		"two dashboards":          {function + many(2, "AWS::CloudWatch::Dashboard", "{}"), "the stack has 2 dashboards, want at most 1"},
		"ten alarms":              {function + many(10, "AWS::CloudWatch::Alarm", "{}"), ""},
		"eleven alarms":           {function + many(11, "AWS::CloudWatch::Alarm", "{}"), "the stack has 11 metrics in alarms, want at most 10"},
		"six alarms over two metrics": {function + many(6, "AWS::CloudWatch::Alarm", `{"Metrics":[{"Expression":"a+b"},{"MetricStat":{}},{"MetricStat":{}}]}`),
			"the stack has 12 metrics in alarms, want at most 10"},
		"too many resources": {function + many(400, "AWS::IAM::Role", "{}"), "the stack has 401 resources, want at most 400"},
		"too many shared":    {function + many(49, "AWS::IAM::Role", "{}"), "the stack has 45 resources besides 5 for each function, want at most 44"},
		"five of a function": {function + of("Me", 4) + `,"MeAgain":{"Type":"AWS::Lambda::Function"}` + of("MeAgain", 4), ""},
		"six of a function":  {function + of("Me", 5), "function Me has 6 resources, want at most 5: [Me MeR0 MeR1 MeR2 MeR3 MeR4]"},
		"cycle through an update policy": {function + `,"Alias":{"Type":"AWS::Lambda::Alias","Properties":{"Name":{"Ref":"Me"}},
			"UpdatePolicy":{"CodeDeployLambdaAliasUpdate":{"DeploymentGroupName":{"Ref":"Group"}}}},
			"Group":{"Type":"AWS::CodeDeploy::DeploymentGroup","Properties":{"Alarms":[{"Name":{"Ref":"Alarm"}}]}},
			"Alarm":{"Type":"AWS::CloudWatch::Alarm","Properties":{"ApiId":{"Fn::Sub":"${Api}"}}},
			"Api":{"Type":"AWS::ApiGatewayV2::Api","DependsOn":["Alias"]}`, "circular dependency: Alarm -> Api -> Alias -> Group -> Alarm"},
		"reference to itself": {`"Me":{"Type":"AWS::Lambda::Function","Properties":{"Name":{"Fn::GetAtt":["Me","Arn"]}}}`, "circular dependency: Me -> Me"},
		"two paths to one resource": {function + `,"A":{"Type":"AWS::IAM::Role","Properties":{"X":[{"Ref":"Me"},{"Fn::GetAtt":"B.Arn"}]}},
			"B":{"Type":"AWS::IAM::Role","DependsOn":"Me","Properties":{"X":{"Fn::Sub":["${AWS::Region} ${Me.Arn} ${Y}",{"Y":1}]}}}`, ""},
		"six with a trigger": {function + of("Me", 4) + `,"MeDaily":{"Type":"AWS::Events::Rule"}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := check(strings.NewReader(`{"Resources":{` + test.resources + `}}`))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got the error %v, want one that contains %q", err, test.want)
			}
		})
	}
	if _, err := check(strings.NewReader("")); err == nil {
		t.Error("empty input: got no error, want one")
	}
}

// of returns n further resources of a function.
func of(function string, n int) string {
	return strings.ReplaceAll(many(n, "AWS::IAM::Role", "{}"), `"R`, `"`+function+"R")
}

func many(n int, kind, properties string) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, `,"R%d":{"Type":%q,"Properties":%s}`, i, kind, properties)
	}
	return all.String()
}
