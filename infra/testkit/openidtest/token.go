package openidtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"time"

	"latchkey/infra/testkit/standin"
)

const (
	keyID    = "1"
	lifetime = time.Hour // of ID tokens
)

// IDToken is an ID token before it is signed.
type IDToken struct {
	Header map[string]any
	Claims Claims
	Sign   func(input []byte) ([]byte, error) // computes the signature (RFC 7515 §5.1)
	key    *ecdsa.PrivateKey
}

// Alteration makes an ID token invalid.
type Alteration func(*IDToken)

// With sets a claim to a value of any type.
func With(claim string, value any) Alteration { return func(t *IDToken) { t.Claims[claim] = value } }

// Without removes a claim.
func Without(claim string) Alteration { return func(t *IDToken) { delete(t.Claims, claim) } }

// ForeignKey signs with a key that is not in the key set, and names the id of one that is.
func ForeignKey(t *IDToken) {
	t.Sign = func(input []byte) ([]byte, error) {
		foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return sign(foreign, input)
	}
}

// Unsigned removes the signature and sets the algorithm to none (RFC 7518 §3.6).
func Unsigned(t *IDToken) {
	t.Header["alg"] = "none"
	t.Sign = func([]byte) ([]byte, error) { return nil, nil }
}

// PublicKeyAsSecret signs by HMAC with the public key as the secret. A verifier that lets the token choose its algorithm
// accepts such a token (RFC 8725 §2.1).
func PublicKeyAsSecret(t *IDToken) {
	t.Header["alg"] = "HS256"
	t.Sign = func(input []byte) ([]byte, error) {
		der, err := x509.MarshalPKIXPublicKey(t.key.Public())
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		_, _ = mac.Write(input) // never fails, as documented by hash.Hash
		return mac.Sum(nil), err
	}
}

// BrokenSignature changes one bit of a valid signature.
func BrokenSignature(t *IDToken) {
	valid := t.Sign
	t.Sign = func(input []byte) ([]byte, error) {
		signature, err := valid(input)
		if err == nil {
			signature[0] ^= 1
		}
		return signature, err
	}
}

// token serves the token endpoint, which returns an ID token (OpenID Connect Core 1.0 §3.1.3.3).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	if credentials(r) != s.client {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	g, ok := s.codes.Redeem(r.PostForm)
	if !ok || r.PostForm.Get("grant_type") != "authorization_code" {
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	idToken, err := s.idToken(g)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	standin.WriteJSON(w, http.StatusOK, map[string]any{
		"access_token": rand.Text(), "token_type": "Bearer", "expires_in": int(lifetime.Seconds()), "id_token": idToken,
	})
}

// credentials returns the client id and secret of the header (form-encoded, RFC 6749 §2.3.1), or else of the body.
func credentials(r *http.Request) standin.Client {
	id, secret, inHeader := r.BasicAuth()
	if !inHeader {
		return standin.Client{ID: r.PostForm.Get("client_id"), Secret: r.PostForm.Get("client_secret")}
	}
	decodedID, idErr := url.QueryUnescape(id)
	decodedSecret, secretErr := url.QueryUnescape(secret)
	if idErr != nil || secretErr != nil {
		return standin.Client{}
	}
	return standin.Client{ID: decodedID, Secret: decodedSecret}
}

// refuse responds with an error as RFC 6749 §5.2 specifies.
func refuse(w http.ResponseWriter, status int, code string) {
	standin.WriteJSON(w, status, map[string]string{"error": code, "error_description": "refused by the stand-in"})
}

func (s *Server) idToken(g grant) (string, error) {
	now := s.now()
	t := &IDToken{
		Header: map[string]any{"alg": "ES256", "typ": "JWT", "kid": keyID},
		Claims: Claims{
			"iss": s.URL, "aud": s.client.ID, "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
		},
		Sign: func(input []byte) ([]byte, error) { return sign(s.key, input) },
		key:  s.key,
	}
	if g.nonce != "" {
		t.Claims["nonce"] = g.nonce
	}
	for claim, value := range g.account.claims {
		t.Claims[claim] = value
	}
	for _, alter := range g.account.alterations {
		alter(t)
	}
	return t.serialize()
}

// serialize returns the signed token in the JWS compact serialization (RFC 7515 §3.1).
func (t *IDToken) serialize() (string, error) {
	header, err := json.Marshal(t.Header)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(t.Claims)
	if err != nil {
		return "", err
	}
	input := encode(header) + "." + encode(payload)
	signature, err := t.Sign([]byte(input))
	return input + "." + encode(signature), err
}

// sign returns the ES256 signature of input (RFC 7518 §3.4).
func sign(key *ecdsa.PrivateKey, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	const size = 32
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), nil
}

// keys serves the key set, which has one key (RFC 7517 §5).
func (s *Server) keys(w http.ResponseWriter, _ *http.Request) {
	point, err := s.key.PublicKey.Bytes() // uncompressed: 4, x, y
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	half := len(point) / 2
	standin.WriteJSON(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": keyID,
		"x": encode(point[1 : 1+half]), "y": encode(point[1+half:]),
	}}})
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
