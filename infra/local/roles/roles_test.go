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
        - !If [Wanted, !Ref Shared, !Ref AWS::NoValue]
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

// calls are the calls of a login.
var calls = []wiretap.Use{
	{Function: "Login", Action: "GetItem", Table: "Users", Key: warmUpKey},
	{Function: "Login", Action: "GetItem", Table: "Users", Key: "N#x"},
	{Function: "Login", Action: "GetItem", Table: "Users", Key: "U#1"},
	{Function: "Login", Action: "PutItem", Table: "Sessions", Key: "S#1"},
}

// without returns calls without the one at index i.
func without(i int) []wiretap.Use { return slices.Delete(slices.Clone(calls), i, i+1) }

// with returns calls and the use.
func with(use wiretap.Use) []wiretap.Use { return append(slices.Clone(calls), use) }

// TestCompare adds or removes one action or key in the template or in the calls.
func TestCompare(t *testing.T) {
	tests := map[string]struct {
		old, new string // replacement in the template
		uses     []wiretap.Use
		want     string
	}{
		"exact": {uses: calls},
		"additional action": {"[dynamodb:GetItem]", "[dynamodb:GetItem, dynamodb:Scan]", calls,
			"Login: Scan on Users N#* is granted but never needed; Login: Scan on Users U#* is granted but never needed"},
		"missing action": {"dynamodb:PutItem", "ses:SendEmail", calls, "Login calls PutItem on Sessions S#…, which its role does not allow"},
		"additional key": {`["S#*"]`, `["S#*", "O#*"]`, calls, "Login: PutItem on Sessions O#* is granted but never needed"},
		"missing key":    {`["U#*", "N#*"]`, `["U#*"]`, calls, "Login calls GetItem on Users N#…, which its role does not allow"},
		"all keys":       {`["S#*"]`, `["S#*", "*"]`, calls, "Login: PutItem on Sessions * is granted but never needed"},
		"all actions":    {"dynamodb:PutItem", "[dynamodb:PutItem, dynamodb:*]", calls, "Login: * on Sessions S#* is granted but never needed"},
		"grant in a shared policy": {`Action: ssm:GetParameter, Resource: "*"`, "Action: dynamodb:Scan, Resource: !GetAtt Users.Arn,\n        " +
			`Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: ["U#*"]}}`, calls, "Shared: Scan on Users U#* is granted but never needed"},
		"stream":                {`Action: ssm:GetParameter, Resource: "*"`, "Action: dynamodb:GetRecords, Resource: !GetAtt Sessions.StreamArn", calls, ""},
		"call on another table": {uses: with(wiretap.Use{Function: "Login", Action: "GetItem", Table: "Sessions", Key: "U#1"}), want: "Login calls GetItem on Sessions U#…, which its role does not allow"},
		"missing call":          {uses: without(3), want: "Login: PutItem on Sessions S#* is granted but never needed"},
		"warm-up call only":     {uses: without(2), want: "Login: GetItem on Users U#* is granted but never needed"},
		"another caller":        {uses: with(wiretap.Use{Function: "", Action: "Scan", Table: "Users"})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			grants, err := Parse([]byte(strings.Replace(template, test.old, test.new, 1)))
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

func TestUnsupportedStatementsAreRefused(t *testing.T) {
	tests := map[string]struct{ old, new string }{
		"no condition": {`,
               Condition: {ForAllValues:StringLike: {dynamodb:LeadingKeys: ["S#*"]}}`, ""},
		"another condition": {"ForAllValues:StringLike", "ForAnyValue:StringLike"},
		"no keys":           {`["S#*"]`, "[]"},
		"any table":         {"!GetAtt Users.Arn", `"*"`},
		"deny":              {"Effect: Allow, Action: dynamodb", "Effect: Deny, Action: dynamodb"},
		"all actions":       {"Action: ses:SendEmail", `Action: "*"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(template, test.old, test.new, 1)
			if text == template {
				t.Fatalf("the template does not contain %q", test.old)
			}
			const want = "the role of Login: line "
			if grants, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q instead of %q: got %v, error %v; want an error with %q", test.new, test.old, grants, err, want)
			}
		})
	}
}
