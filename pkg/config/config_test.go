package config_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/config"
	"latchkey/pkg/limit"
)

func base() map[string]string {
	return map[string]string{
		"PUBLIC_URL":     "https://auth.example.com",
		"USERS_TABLE":    "Users",
		"SESSIONS_TABLE": "Sessions",
		"AWS_REGION":     "eu-central-1",
	}
}

func read(t *testing.T, changes map[string]string) (config.Config, error) {
	t.Helper()
	env := base()
	for name, value := range changes {
		env[name] = value
	}
	return config.Read(func(name string) string { return env[name] })
}

func TestDefaults(t *testing.T) {
	cfg, err := read(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{
		"access token 7 days":        cfg.AccessToken == 7*24*time.Hour,
		"refresh token 30 days":      cfg.RefreshToken == 30*24*time.Hour,
		"grace 30 s":                 cfg.RefreshGrace == 30*time.Second,
		"session 365 days":           cfg.SessionMax == 365*24*time.Hour,
		"verification token 24 h":    cfg.VerificationToken == 24*time.Hour,
		"5 critical requests":        cfg.RateCritical == limit.Rates{Anonymous: 5, User: 20, Staff: 100},
		"60 medium requests":         cfg.RateMedium == limit.Rates{Anonymous: 60, User: 180, Staff: 900},
		"no rate limit factor":       cfg.RateLimitFactor == 1,
		"password of 8":              cfg.PasswordMinLength == 8,
		"ES256":                      cfg.SigningAlgorithm == "ES256",
		"audience is the public URL": cfg.TokenAudience == "https://auth.example.com",
		"Google alone":               len(cfg.OAuth.OpenID) == 1 && cfg.OAuth.OpenID["google"].Issuer == "https://accounts.google.com",
		"HTTPS":                      cfg.HTTPS(),
	} {
		if !same {
			t.Errorf("got the defaults %+v, want: %s", cfg, name)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := map[string]map[string]string{
		"PUBLIC_URL: is required":                      {"PUBLIC_URL": ""},
		"PUBLIC_URL: \"http://auth.example.com\"":      {"PUBLIC_URL": "http://auth.example.com"},
		"PUBLIC_URL: \"https://a.example/\"":           {"PUBLIC_URL": "https://a.example/"},
		"PUBLIC_URL: \"https://a.example/x\"":          {"PUBLIC_URL": "https://a.example/x"},
		"PUBLIC_URL: \"https://u:p@a.example\"":        {"PUBLIC_URL": "https://u:p@a.example"},
		"PUBLIC_URL: \"https://A.example\"":            {"PUBLIC_URL": "https://A.example"},
		"PUBLIC_URL: \"ftp://a.example\"":              {"PUBLIC_URL": "ftp://a.example"},
		"PUBLIC_URL: \"a.example\"":                    {"PUBLIC_URL": "a.example"},
		"ALLOWED_ORIGINS: \"*\"":                       {"ALLOWED_ORIGINS": "*"},
		"ALLOWED_ORIGINS: \"https://b.example/\"":      {"ALLOWED_ORIGINS": "https://a.example,https://b.example/"},
		"ALLOWED_ORIGINS: \" https://b.example\"":      {"ALLOWED_ORIGINS": "https://a.example, https://b.example"},
		"ALLOWED_ORIGINS: \"https://a:443\"":           {"ALLOWED_ORIGINS": "https://a:443"},
		"ALLOWED_ORIGINS: \"https://a:99999\"":         {"ALLOWED_ORIGINS": "https://a:99999"},
		"ALLOWED_ORIGINS: \"https://*.example\"":       {"ALLOWED_ORIGINS": "https://*.example"},
		"ALLOWED_ORIGINS: \"https://b\u00fccher.de\"":  {"ALLOWED_ORIGINS": "https://b\u00fccher.de"},
		"APP_URL: \"https://a.example/x/\"":            {"APP_URL": "https://a.example/x/"},
		"APP_URL: \"http://a.example\"":                {"APP_URL": "http://a.example"},
		"OAUTH_GITHUB_URL: \"http://a.example\"":       {"OAUTH_GITHUB_URL": "http://a.example"},
		"OAUTH_GITHUB_API_URL: \"https://a.example/\"": {"OAUTH_GITHUB_API_URL": "https://a.example/"},
		"OAUTH_GOOGLE_ISSUER: \"http://a.example\"":    {"OAUTH_GOOGLE_ISSUER": "http://a.example"},
		"OAUTH_GITHUB_CLIENT_SECRET: is required":      {"OAUTH_GITHUB_CLIENT_ID": "an id"},
		"OAUTH_GOOGLE_CLIENT_SECRET: is required":      {"OAUTH_GOOGLE_CLIENT_ID": "an id"},
		"DYNAMODB_ENDPOINT: \"%%\"":                    {"DYNAMODB_ENDPOINT": "%%"},
		"ACCESS_TOKEN_SECONDS: \"0\"":                  {"ACCESS_TOKEN_SECONDS": "0"},
		"ACCESS_TOKEN_SECONDS: \"1h\"":                 {"ACCESS_TOKEN_SECONDS": "1h"},
		"REFRESH_GRACE_SECONDS: \"-1\"":                {"REFRESH_GRACE_SECONDS": "-1"},
		"SESSION_MAX_SECONDS: \"99999999999\"":         {"SESSION_MAX_SECONDS": "99999999999"},
		"PASSWORD_MIN_LENGTH: \"7\"":                   {"PASSWORD_MIN_LENGTH": "7"},
		"SIGNING_ALGORITHM: \"HS256\"":                 {"SIGNING_ALGORITHM": "HS256"},
		"SIGNING_KEYS: is for local use only":          {"SIGNING_KEYS": `{"keys":[]}`},
		"CLIENT_KEYS: is for local use only":           {"CLIENT_KEYS": "a key"},
		"CLIENT_KEYS_PARAMETER: \"clients\"":           {"CLIENT_KEYS_PARAMETER": "clients"},
		"USERS_TABLE: is required":                     {"USERS_TABLE": ""},
		"LOG_LEVEL: \"LOUD\"":                          {"LOG_LEVEL": "LOUD"},
		"RATE_CRITICAL: \"5/20\"":                      {"RATE_CRITICAL": "5/20"},
		"RATE_CRITICAL: \"5/20/100/1\"":                {"RATE_CRITICAL": "5/20/100/1"},
		"RATE_CRITICAL: \"0/20/100\"":                  {"RATE_CRITICAL": "0/20/100"},
		"RATE_MEDIUM: \"60/ 180/900\"":                 {"RATE_MEDIUM": "60/ 180/900"},
		"RATE_MEDIUM: \"60/180/1000001\"":              {"RATE_MEDIUM": "60/180/1000001"},
		"RATE_LIMIT_FACTOR: \"0\"":                     {"RATE_LIMIT_FACTOR": "0"},
		"REGISTER_NEUTRAL: \"yes\"":                    {"REGISTER_NEUTRAL": "yes"},
		"OAUTH_OPENID_PROVIDERS: \"github\"":           {"OAUTH_OPENID_PROVIDERS": "github"},
		"OAUTH_OPENID_PROVIDERS: \"GitLab\"":           {"OAUTH_OPENID_PROVIDERS": "google,GitLab"},
		"OAUTH_OPENID_PROVIDERS: \"\"":                 {"OAUTH_OPENID_PROVIDERS": "google,"},
		"OAUTH_OPENID_PROVIDERS: \"google\"":           {"OAUTH_OPENID_PROVIDERS": "google,google"},
		"OAUTH_GITLAB_ISSUER: is required":             {"OAUTH_OPENID_PROVIDERS": "gitlab"},
	}
	for want, changes := range tests {
		t.Run(want, func(t *testing.T) {
			_, err := read(t, changes)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Read with %v returned the error %v, want %q in it", changes, err, want)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := config.Read(func(name string) string {
		return map[string]string{"ACCESS_TOKEN_SECONDS": "soon", "LOG_LEVEL": "LOUD"}[name]
	})
	for _, name := range []string{"PUBLIC_URL", "USERS_TABLE", "SESSIONS_TABLE", "AWS_REGION", "ACCESS_TOKEN_SECONDS", "LOG_LEVEL"} {
		if err == nil || !strings.Contains(err.Error(), name+":") {
			t.Errorf("Read returned the error %v, want %s in it", err, name)
		}
	}
}

func TestHTTPOnLoopbackOnly(t *testing.T) {
	for _, url := range []string{"http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"} {
		if cfg, err := read(t, map[string]string{"PUBLIC_URL": url}); err != nil || cfg.HTTPS() {
			t.Errorf("PUBLIC_URL %s: got HTTPS %v, error %v; want no HTTPS and no error", url, cfg.HTTPS(), err)
		}
	}
}

// TestIssuersMayEndInASlash shows that an issuer is kept exactly, because ID tokens contain it exactly.
func TestIssuersMayEndInASlash(t *testing.T) {
	const issuer = "https://tenant.example.com/"
	cfg, err := read(t, map[string]string{"OAUTH_GOOGLE_ISSUER": issuer})
	if got := cfg.OAuth.OpenID["google"].Issuer; err != nil || got != issuer {
		t.Errorf("got the issuer %q, error %v; want %q", got, err, issuer)
	}
}

// TestAProviderByName shows that a further provider of OpenID Connect needs nothing but variables with its name.
func TestAProviderByName(t *testing.T) {
	cfg, err := read(t, map[string]string{
		"OAUTH_OPENID_PROVIDERS": "google,git-lab", "OAUTH_GIT_LAB_ISSUER": "https://gitlab.com",
		"OAUTH_GIT_LAB_CLIENT_ID": "id", "OAUTH_GIT_LAB_CLIENT_SECRET_PARAMETER": "/p",
	})
	want := config.OpenID{Issuer: "https://gitlab.com", Client: config.OAuthClient{ID: "id", SecretParameter: "/p"}}
	if got := cfg.OAuth.OpenID["git-lab"]; err != nil || got != want || len(cfg.OAuth.OpenID) != 2 {
		t.Errorf("got the provider %+v of %d, error %v; want %+v of 2", got, len(cfg.OAuth.OpenID), err, want)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	_, err := read(t, map[string]string{"SIGNING_KEYS": "a-secret-key-set", "CLIENT_KEYS": "a-secret-client-key", "AWS_SECRET_ACCESS_KEY": "a-secret-access-key"})
	if err == nil || strings.Contains(err.Error(), "a-secret") {
		t.Errorf("Read returned the error %v, want one without a secret", err)
	}
}

func TestCrossSiteOrigins(t *testing.T) {
	tests := map[string]struct {
		public, origin string
		cross          bool
	}{
		"a sibling":              {"https://auth.example.com", "https://app.example.com", false},
		"the parent":             {"https://auth.example.com", "https://example.com", false},
		"another port":           {"http://localhost:8000", "http://localhost:3000", false},
		"another domain":         {"https://auth.example.com", "https://example.org", true},
		"under a public suffix":  {"https://auth.github.io", "https://app.github.io", true},
		"under a country suffix": {"https://auth.example.co.uk", "https://other.co.uk", true},
		"another scheme":         {"https://auth.example.com", "http://app.example.com", true},
		"loopback by two names":  {"http://localhost:8000", "http://127.0.0.1:3000", true},
		"an address, other port": {"http://127.0.0.1:8000", "http://127.0.0.1:3000", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, err := read(t, map[string]string{"PUBLIC_URL": test.public, "ALLOWED_ORIGINS": test.origin})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(cfg.CrossSiteOrigins()) == 1; got != test.cross {
				t.Errorf("CrossSiteOrigins for the API %s and the origin %s: got cross-site %v, want %v", test.public, test.origin, got, test.cross)
			}
		})
	}
}

// fromLambda lists the variables that Lambda sets. The README does not list them, because they are not settings.
var fromLambda = []string{"AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// TestReadmeListsEveryVariable compares the table of settings in the README with the variables that Read reads.
func TestReadmeListsEveryVariable(t *testing.T) {
	var variables []string
	_, _ = config.Read(func(name string) string {
		variables = append(variables, name)
		return base()[name]
	})
	variables = slices.DeleteFunc(variables, func(name string) bool { return slices.Contains(fromLambda, name) })
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "\n## Configuration\n")
	if !found {
		t.Fatal("the README has no section Configuration")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)` \\|").FindAllStringSubmatch(section, -1) {
		listed = append(listed, row[1])
	}
	slices.Sort(variables)
	slices.Sort(listed)
	if !slices.Equal(listed, variables) {
		t.Errorf("the README lists %v\nwant the variables %v", listed, variables)
	}
}
