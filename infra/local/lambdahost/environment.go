package lambdahost

import (
	"maps"
	"slices"
	"strconv"

	"latchkey/infra/local/template"
)

// environment is all that a process of the function sees: the template's variables and those that Lambda sets for
// a runtime without a language ("Defined runtime environment variables" in the Lambda guide), nothing of the host's own.
// AWS_EXECUTION_ENV is missing, as it is in AWS for provided.al2023.
func environment(function template.Function, runtimeAPI, taskRoot string) []string {
	variables := maps.Clone(function.Environment)
	if variables == nil {
		variables = make(map[string]string)
	}
	maps.Copy(variables, map[string]string{
		"AWS_ACCESS_KEY_ID":               "local",
		"AWS_DEFAULT_REGION":              template.Region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(function.MemoryMB),
		"AWS_LAMBDA_FUNCTION_NAME":        function.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + function.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "local",
		"AWS_LAMBDA_RUNTIME_API":          runtimeAPI,
		"AWS_REGION":                      template.Region,
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               function.Name, // another one for each, as in AWS
		"LAMBDA_TASK_ROOT":                taskRoot,
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"TZ":                              ":UTC",
		"_HANDLER":                        function.Handler,
	})
	list := make([]string, 0, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, name+"="+variables[name])
	}
	return list
}
