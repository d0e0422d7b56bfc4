package main

import (
	"fmt"
	"strings"

	"latchkey/infra/local/template"
	"latchkey/pkg/config"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/token"
)

// checkConfiguration reads the environment of each function as the function does at its start. It reports settings with which the
// function would not start, all in one line, before the run prints "ready".
func checkConfiguration(functions []template.Function) error {
	for _, function := range functions {
		cfg, err := config.Read(func(name string) string {
			if name == "AWS_REGION" {
				return template.Region
			}
			return function.Environment[name]
		})
		if err == nil && cfg.SSMEndpoint == "" {
			if _, err = token.ParseKeySet([]byte(cfg.SigningKeys.Reveal()), cfg.SigningAlgorithm); err != nil {
				err = fmt.Errorf("SIGNING_KEYS: %w", err)
			}
		}
		if err == nil && !cfg.ClientKeys.IsZero() {
			if _, err = httpapi.ParseClientKeys(cfg.ClientKeys); err != nil {
				err = fmt.Errorf("CLIENT_KEYS: %w", err)
			}
		}
		if err != nil {
			return fmt.Errorf("the functions would not start: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return nil
}
