package template

import (
	"net/url"
	"time"

	"go.yaml.in/yaml/v3"
)

func (l *loader) readAPI(id, resource *yaml.Node) error {
	if l.api != nil {
		return at(id, "%s is a second %s; the local host serves one", id.Value, typeAPI)
	}
	l.api = resource
	globals := find(l.root, "Globals", "HttpApi")
	for _, properties := range []*yaml.Node{globals, find(resource, "Properties")} {
		if err := refuse(properties, typeAPI, "Auth", "DefinitionBody", "DefinitionUri", "StageName"); err != nil {
			return err
		}
	}
	var properties struct {
		CORS *struct {
			AllowOrigins     []string `yaml:"AllowOrigins"`
			AllowMethods     []string `yaml:"AllowMethods"`
			AllowHeaders     []string `yaml:"AllowHeaders"`
			ExposeHeaders    []string `yaml:"ExposeHeaders"`
			AllowCredentials bool     `yaml:"AllowCredentials"`
			MaxAge           int      `yaml:"MaxAge"` // seconds
		} `yaml:"CorsConfiguration"`
	}
	if err := l.used(resource, globals, &properties, "CorsConfiguration"); err != nil || properties.CORS == nil {
		return err
	}
	cors := properties.CORS
	for _, origin := range cors.AllowOrigins {
		if reason := refusesOrigin(origin, cors.AllowCredentials); reason != "" {
			return at(find(merge(globals, find(resource, "Properties")), "CorsConfiguration"), "origin %q: %s", origin, reason)
		}
	}
	l.out.CORS = &CORS{
		Origins:     cors.AllowOrigins,
		Methods:     cors.AllowMethods,
		Headers:     cors.AllowHeaders,
		Expose:      cors.ExposeHeaders,
		Credentials: cors.AllowCredentials,
		MaxAge:      time.Duration(cors.MaxAge) * time.Second,
	}
	return nil
}

// refusesOrigin says why API Gateway would not take an origin, which otherwise comes out only at deployment.
func refusesOrigin(origin string, credentials bool) string {
	if origin == "*" {
		if credentials {
			return "all origins and credentials exclude each other"
		}
		return ""
	}
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Host == "" || origin != parsed.Scheme+"://"+parsed.Host {
		return "an origin is scheme://host or scheme://host:port and nothing more"
	}
	return ""
}
