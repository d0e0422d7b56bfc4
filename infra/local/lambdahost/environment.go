package lambdahost

import (
	"maps"
	"slices"
	"strconv"

	"latchkey/infra/local/template"
)

// environment returns the complete environment of the function's processes: the variables of the template and those that
// Lambda sets for a custom runtime ("Defined runtime environment variables" in the Lambda guide). It contains no variable of
// the host. It does not contain AWS_EXECUTION_ENV, which AWS does not set for provided.al2023 either.
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
		"AWS_SESSION_TOKEN":               function.Name, // differs between functions, as in AWS
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
