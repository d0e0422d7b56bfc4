"""translate.py TEMPLATE [PARAMETER=VALUE...] prints, as JSON, the CloudFormation template that SAM generates from TEMPLATE.

In AWS, this happens when a change set is created. Here, it lists the resources of a deployment, and fails where the deployment would.
"""

import json
import os
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


def translate(path, parameters):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
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
