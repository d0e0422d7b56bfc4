"""translate.py TEMPLATE [PARAMETER=VALUE...] prints, as JSON, the CloudFormation template that SAM generates from TEMPLATE.

In AWS, this happens when a change set is created. Here, it lists the resources of a deployment, and fails where the deployment would:
for values that a parameter does not allow, for a violated rule of the template, and for faults that SAM finds.
"""

import json
import os
import re
import sys

# The translator reads the region from boto3. It makes no call.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.translator import Translator

POLICIES = "arn:aws:iam::aws:policy/service-role/"


def local_code(resources):
    """Sets the code of each function to an address like the one that packaging sets."""
    for resource in resources.values():
        if resource.get("Type") == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code"


def evaluate(condition, values):
    """Returns the value of a condition of a rule. An unknown function is a KeyError."""
    if not isinstance(condition, dict):
        return condition
    ((function, argument),) = condition.items()
    if function == "Ref":
        return values[argument]
    arguments = [evaluate(each, values) for each in argument]
    return {
        "Fn::Equals": lambda: arguments[0] == arguments[1],
        "Fn::Not": lambda: not arguments[0],
        "Fn::And": lambda: all(arguments),
        "Fn::Or": lambda: any(arguments),
    }[function]()


def refusals(template, parameters):
    """Returns the reasons for which CloudFormation refuses these values of parameters at once."""
    declared = template["Parameters"]
    values = {name: str(parameter["Default"]) for name, parameter in declared.items()} | parameters
    reasons = [f"unknown parameter {name}" for name in parameters if name not in declared]
    for name, value in values.items():
        parameter = declared.get(name, {})
        allowed = [str(each) for each in parameter.get("AllowedValues", [value])]
        if value not in allowed or not re.fullmatch(parameter.get("AllowedPattern", ".*"), value):
            reasons.append(f"parameter {name} does not allow {value!r}")
    for rule in template["Rules"].values():
        if evaluate(rule["RuleCondition"], values):
            reasons += [each["AssertDescription"] for each in rule["Assertions"] if not evaluate(each["Assert"], values)]
    return reasons


def translate(path, parameters):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    if reasons := refusals(template, parameters):
        sys.exit("\n".join(reasons))
    local_code(template["Resources"])
    policies = {name: POLICIES + name for name in ("AWSLambdaBasicExecutionRole", "AWSLambdaDynamoDBExecutionRole")}
    return Translator(policies, Parser()).translate(template, parameters)


def main(arguments):
    parameters = dict(argument.split("=", 1) for argument in arguments[1:])
    try:
        json.dump(translate(arguments[0], parameters), sys.stdout, indent=1)
    except InvalidDocumentException as error:
        sys.exit("\n".join(cause.message for cause in error.causes))


if __name__ == "__main__":
    main(sys.argv[1:])
