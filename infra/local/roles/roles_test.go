package roles

import (
	"slices"
	"strings"
	"testing"

	"latchkey/infra/testkit/wiretap"
)

const template = `
Resources:
  Login:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - !Ref Shared
        - Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Action: [dynamodb:GetItem], Resource: !GetAtt Users.Arn,
               Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: ["U#*", "N#*"]}}}
            - {Effect: Allow, Action: dynamodb:PutItem, Resource: !GetAtt Sessions.Arn,
               Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: ["S#*"]}}}
            - {Effect: Allow, Action: ses:SendEmail, Resource: [a, b]}
  Users: {Type: AWS::DynamoDB::Table}
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Statement: [{Effect: Allow, Action: ssm:GetParameter, Resource: "*"}]}
`

// calls are what a login needs.
var calls = []wiretap.Use{
	{Function: "Login", Action: "GetItem", Table: "Users", Key: warmUpKey},
	{Function: "Login", Action: "GetItem", Table: "Users", Key: "N#x"},
	{Function: "Login", Action: "GetItem", Table: "Users", Key: "U#1"},
	{Function: "Login", Action: "PutItem", Table: "Sessions", Key: "S#1"},
}

func without(i int) []wiretap.Use { return slices.Delete(slices.Clone(calls), i, i+1) }

func and(use wiretap.Use) []wiretap.Use { return append(slices.Clone(calls), use) }

// TestCompare: each of the faults is one action or key more or less, in the role or in the calls.
func TestCompare(t *testing.T) {
	tests := map[string]struct {
		old, changed string // in the template
		uses         []wiretap.Use
		want         string
	}{
		"what is needed": {uses: calls},
		"an action more": {"[dynamodb:GetItem]", "[dynamodb:GetItem, dynamodb:Scan]", calls,
			"Login: Scan on Users N#* is allowed and never needed; Login: Scan on Users U#* is allowed and never needed"},
		"an action less": {"dynamodb:PutItem", "ses:SendEmail", calls, "Login calls PutItem on Sessions S#…, which its role does not allow"},
		"a key more":     {`["S#*"]`, `["S#*", "O#*"]`, calls, "Login: PutItem on Sessions O#* is allowed and never needed"},
		"a key less":     {`["U#*", "N#*"]`, `["U#*"]`, calls, "Login calls GetItem on Users N#…, which its role does not allow"},
		"all keys":       {`["S#*"]`, `["S#*", "*"]`, calls, "Login: PutItem on Sessions * is allowed and never needed"},
		"all actions":    {"dynamodb:PutItem", "[dynamodb:PutItem, dynamodb:*]", calls, "Login: * on Sessions S#* is allowed and never needed"},
		"in a shared policy": {`Action: ssm:GetParameter, Resource: "*"`, "Action: dynamodb:Scan, Resource: !GetAtt Users.Arn,\n        " +
			`Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: ["U#*"]}}`, calls, "Shared: Scan on Users U#* is allowed and never needed"},
		"a stream":         {"Action: ssm:GetParameter, Resource: \"*\"", "Action: dynamodb:GetRecords, Resource: !GetAtt Sessions.StreamArn", calls, ""},
		"the other table":  {uses: and(wiretap.Use{Function: "Login", Action: "GetItem", Table: "Sessions", Key: "U#1"}), want: "Login calls GetItem on Sessions U#…, which its role does not allow"},
		"a call less":      {uses: without(3), want: "Login: PutItem on Sessions S#* is allowed and never needed"},
		"the warm-up only": {uses: without(2), want: "Login: GetItem on Users U#* is allowed and never needed"},
		"somebody else":    {uses: and(wiretap.Use{Function: "", Action: "Scan", Table: "Users"})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			grants, err := Parse([]byte(strings.Replace(template, test.old, test.changed, 1)))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(append(Refused(grants, test.uses), Unused(grants, test.uses)...), "; ")
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestOtherFormsOfStatementsAreRefused(t *testing.T) {
	tests := map[string]struct{ old, changed string }{
		"no condition": {`,
               Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: ["S#*"]}}`, ""},
		"another condition": {"ForAllValues:StringLike", "ForAnyValue:StringLike"},
		"no keys":           {`["S#*"]`, "[]"},
		"any table":         {"!GetAtt Users.Arn", `"*"`},
		"a denial":          {"Effect: Allow, Action: dynamodb", "Effect: Deny, Action: dynamodb"},
		"everything":        {"Action: ses:SendEmail", `Action: "*"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(template, test.old, test.changed, 1)
			if text == template {
				t.Fatal("the test changes nothing")
			}
			if grants, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "the role of Login: line ") {
				t.Errorf("got %v, %v", grants, err)
			}
		})
	}
}
