// Command empty is the floor of a cold start: a function that does nothing, built and started like the others.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func(context.Context) error { return nil }) }
