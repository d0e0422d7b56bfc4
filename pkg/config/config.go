// Package config reads the configuration from the environment. It does so once, at start, and reports all faults together.
//
// It knows the names, defaults and limits of the variables, and which combinations are valid. It makes no call. An absent or
// empty variable has its default, so new code runs with the environment of the previous version.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/pkg/limit"
	"latchkey/pkg/secret"
)

// Config holds the configuration.
type Config struct {
	PublicURL string // base URL of the API and issuer of its tokens, without a trailing slash

	// PublicURLParameter names the parameter of Systems Manager with PublicURL. It is used if PublicURL is empty.
	PublicURLParameter string

	AllowedOrigins []string // web origins that may call the API from a browser
	TokenAudience  string

	AccessToken       time.Duration
	RefreshToken      time.Duration
	RefreshGrace      time.Duration
	SessionMax        time.Duration
	SessionIdle       time.Duration // of a cookie session
	SessionAbsolute   time.Duration // of a cookie session
	VerificationToken time.Duration
	ResetToken        time.Duration

	MailPerHour int           // mails to one address for one purpose
	MailRepeat  time.Duration // minimum time between two such mails

	RegisterNeutral bool // registration does not reveal whether an address is registered

	RateCritical    limit.Rates // for endpoints that compute a hash, create an account or send a mail
	RateMedium      limit.Rates // for the other endpoints
	RateLimitFactor int         // multiplies both

	ClientKeys          secret.String // of the operator's own proxies, separated by a comma, for local use; empty in AWS
	ClientKeysParameter string        // name of the parameter of Systems Manager with these keys; empty to trust no proxy

	PasswordMinLength int // code points

	ProductName      string // in mails and on pages
	AppURL           string // target of the links in mails, without a trailing slash; empty for the pages below PublicURL
	MailFrom         string // address of the sender
	MailReplyTo      string // empty for none
	ConfigurationSet string // of SES; empty for none
	SESEndpoint      string // of a local SES; empty in AWS

	OAuth OAuth

	SigningAlgorithm string        // ES256, RS256 or EdDSA
	SigningKeys      secret.String // a private JWK set, for local use; empty in AWS
	KeysPath         string        // of the parameters with the keys, without a trailing slash; empty with SigningKeys
	KeySetMaxAge     time.Duration // age at which a function reads the keys again
	KeyRotation      time.Duration // time for which a key is current
	SSMEndpoint      string        // of a local replacement; empty in AWS

	UsersTable       string
	SessionsTable    string
	DynamoDBEndpoint string // of a local engine; empty in AWS

	LogLevel slog.Level

	// Set by Lambda.
	Function        string // name of the function; empty outside Lambda
	Region          string
	AccessKeyID     string
	SecretAccessKey secret.String
	SessionToken    secret.String
}

// HTTPS reports whether clients reach the API only over HTTPS.
func (c Config) HTTPS() bool { return strings.HasPrefix(c.PublicURL, "https://") }

// Read reads the environment with getenv. The error joins all faults, each with the name of its variable. The returned
// configuration is usable even with an error, so that the caller can check what depends on it and report those faults too.
func Read(getenv func(string) string) (Config, error) {
	r := &reader{getenv: getenv}
	cfg := Config{
		PublicURL:          r.text("PUBLIC_URL", ""),
		PublicURLParameter: r.text("PUBLIC_URL_PARAMETER", ""),
		AllowedOrigins:     r.list("ALLOWED_ORIGINS"),
		AccessToken:        r.seconds("ACCESS_TOKEN_SECONDS", 7*24*3600, 1),
		RefreshToken:       r.seconds("REFRESH_TOKEN_SECONDS", 30*24*3600, 1),
		RefreshGrace:       r.seconds("REFRESH_GRACE_SECONDS", 30, 0),
		SessionMax:         r.seconds("SESSION_MAX_SECONDS", 365*24*3600, 1),
		SessionIdle:        r.seconds("SESSION_IDLE_SECONDS", 7*24*3600, 4),
		SessionAbsolute:    r.seconds("SESSION_ABSOLUTE_SECONDS", 30*24*3600, 1),
		VerificationToken:  r.seconds("VERIFICATION_TOKEN_SECONDS", 24*3600, 1),
		ResetToken:         r.seconds("RESET_TOKEN_SECONDS", 3600, 1),
		MailPerHour:        r.integer("MAIL_PER_HOUR", 5, 1, 1000),
		MailRepeat:         r.seconds("MAIL_REPEAT_SECONDS", 60, 0),
		RateCritical:       r.rates("RATE_CRITICAL", limit.Rates{Anonymous: 5, User: 20, Staff: 100}),
		RateMedium:         r.rates("RATE_MEDIUM", limit.Rates{Anonymous: 60, User: 180, Staff: 900}),
		RateLimitFactor:    r.integer("RATE_LIMIT_FACTOR", 1, 1, maxFactor),
		RegisterNeutral:    r.oneOf("REGISTER_NEUTRAL", "false", "true") == "true",
		PasswordMinLength:  r.integer("PASSWORD_MIN_LENGTH", 8, 8, 64),
		ProductName:        r.text("PRODUCT_NAME", "Latchkey"),
		AppURL:             r.text("APP_URL", ""),
		MailFrom:           r.text("MAIL_FROM", ""),
		MailReplyTo:        r.text("MAIL_REPLY_TO", ""),
		ConfigurationSet:   r.text("SES_CONFIGURATION_SET", ""),
		SESEndpoint:        r.text("SES_ENDPOINT", ""),
		OAuth:              readOAuth(r),
		SigningAlgorithm:   r.oneOf("SIGNING_ALGORITHM", "ES256", "RS256", "EdDSA"),
		SigningKeys:        r.secret("SIGNING_KEYS"),
		KeysPath:           r.text("KEYS_PREFIX", ""),
		KeySetMaxAge:       r.secondsWithin("KEYSET_MAX_AGE", 300, 1, 3600),
		KeyRotation:        r.days("KEY_ROTATION_DAYS", 90, 30),
		SSMEndpoint:        r.text("SSM_ENDPOINT", ""),
		UsersTable:         r.required("USERS_TABLE"),
		SessionsTable:      r.required("SESSIONS_TABLE"),
		DynamoDBEndpoint:   r.text("DYNAMODB_ENDPOINT", ""),
		LogLevel:           r.level("LOG_LEVEL"),
		Function:           r.text("AWS_LAMBDA_FUNCTION_NAME", ""),
		Region:             r.required("AWS_REGION"),
		AccessKeyID:        r.text("AWS_ACCESS_KEY_ID", ""),
		SecretAccessKey:    r.secret("AWS_SECRET_ACCESS_KEY"),
		SessionToken:       r.secret("AWS_SESSION_TOKEN"),

		ClientKeys:          r.secret("CLIENT_KEYS"),
		ClientKeysParameter: r.text("CLIENT_KEYS_PARAMETER", ""),
	}
	cfg.TokenAudience = r.text("TOKEN_AUDIENCE", cfg.PublicURL)
	if cfg.PublicURL != "" || cfg.PublicURLParameter == "" {
		r.check("PUBLIC_URL", checkPublicURL(cfg.PublicURL))
	}
	r.checkAll(cfg)
	return cfg, errors.Join(r.faults...)
}

// checkAll checks the variables with values of a particular form.
func (r *reader) checkAll(cfg Config) {
	r.check("APP_URL", checkAppURL(cfg.AppURL))
	r.check("DYNAMODB_ENDPOINT", checkEndpoint(cfg.DynamoDBEndpoint))
	r.check("SES_ENDPOINT", checkEndpoint(cfg.SESEndpoint))
	r.check("SSM_ENDPOINT", checkEndpoint(cfg.SSMEndpoint))
	r.check("KEYS_PREFIX", checkPath(cfg.KeysPath))
	r.check("CLIENT_KEYS_PARAMETER", checkPath(cfg.ClientKeysParameter))
	for _, origin := range cfg.AllowedOrigins {
		r.check("ALLOWED_ORIGINS", checkOrigin(origin))
	}
	r.check("SIGNING_KEYS", checkLocal(cfg.SigningKeys, cfg.DynamoDBEndpoint))
	r.check("CLIENT_KEYS", checkLocal(cfg.ClientKeys, cfg.DynamoDBEndpoint))
}

// checkLocal accepts an empty value, and one together with a local engine.
func checkLocal(value secret.String, endpoint string) error {
	if !value.IsZero() && endpoint == "" {
		return errors.New("is for local use only, together with DYNAMODB_ENDPOINT")
	}
	return nil
}

// checkPublicURL accepts https, and http on the loopback interface.
func checkPublicURL(value string) error {
	if value == "" {
		return errors.New("is required")
	}
	parsed, err := parseOrigin(value)
	if err != nil {
		return err
	}
	if parsed.Scheme == "http" && !loopback(parsed.Hostname()) {
		return fmt.Errorf("%q: http is for localhost only, use https", value)
	}
	return nil
}

// checkAppURL accepts an empty value, and a base address as [checkBase] does.
func checkAppURL(value string) error {
	if value == "" {
		return nil
	}
	return checkBase(value)
}

// checkBase accepts an address to which paths are appended. It must use https, or http on the loopback interface.
func checkBase(value string) error {
	parsed, err := url.Parse(value)
	if err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" ||
		strings.HasSuffix(value, "/") {
		return fmt.Errorf("%q is not of the form https://host/path, without a trailing slash", value)
	}
	return CheckTransport(value)
}

// CheckTransport returns an error unless secrets may be sent to the address: with https, or with http on the loopback interface.
func CheckTransport(value string) error {
	parsed, err := url.Parse(value)
	switch {
	case err != nil, parsed.Host == "":
		return fmt.Errorf("%q is not of the form https://host/path", value)
	case parsed.Scheme != "https" && (parsed.Scheme != "http" || !loopback(parsed.Hostname())):
		return fmt.Errorf("%q: http is for localhost only, use https", value)
	}
	return nil
}

func checkOrigin(value string) error {
	_, err := parseOrigin(value)
	return err
}

// parseOrigin parses a web origin in the exact form of browsers (RFC 6454 §6.2), with the host in A-labels.
func parseOrigin(value string) (*url.URL, error) {
	parsed, err := url.Parse(value)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" ||
		value != parsed.Scheme+"://"+parsed.Host || !isHost(parsed.Hostname()) {
		return nil, fmt.Errorf("%q is not of the form https://host or https://host:port, in lower case and without a trailing slash", value)
	}
	port, preset := parsed.Port(), map[string]string{"https": "443", "http": "80"}[parsed.Scheme]
	if number, err := strconv.ParseUint(port, 10, 16); port == preset || port != "" && (err != nil || number == 0) {
		return nil, fmt.Errorf("%q: browsers do not send the port %s", value, port)
	}
	return parsed, nil
}

// isHost reports whether host is an IP address or a name in lower-case ASCII.
func isHost(host string) bool {
	foreign := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != ':'
	}
	return host != "" && !strings.ContainsFunc(host, foreign)
}

// checkEndpoint accepts an empty value, and the address of a local replacement for a service.
func checkEndpoint(value string) error {
	if value == "" {
		return nil
	}
	if parsed, err := url.Parse(value); err != nil || parsed.Host == "" {
		return fmt.Errorf("%q is not of the form http://host:port", value)
	}
	return nil
}

// checkPath accepts an empty value, and a path of parameter names.
func checkPath(value string) error {
	if value != "" && (!strings.HasPrefix(value, "/") || strings.HasSuffix(value, "/")) {
		return fmt.Errorf("%q is not of the form /a/b, without a trailing slash", value)
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}
