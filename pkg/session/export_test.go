package session

// OpenCookie and SealCookie export the cookie format to the tests.
var (
	OpenCookie = openCookie
	SealCookie = sealCookie
)
