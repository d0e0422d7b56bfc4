package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/crypto/argon2"
)

// floors makes the calls and computations that an endpoint cannot avoid, and nothing else: with the DynamoDB client of the functions,
// on items that the product wrote, without decisions, decoding or logs.
type floors struct {
	api        *dynamodb.Client
	key        *ecdsa.PrivateKey
	message    []byte // the signed part of an access token
	signature  []byte // of message
	user       map[string]types.AttributeValue
	session    map[string]types.AttributeValue
	generation int
}

func newFloors(api *dynamodb.Client, owner account) (*floors, error) {
	parts := strings.Split(owner.access, ".")
	if len(parts) != 3 {
		return nil, errors.New("the access token is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("decoding the access token: %w", err)
	}
	var claims struct{ Sub, Sid string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, fmt.Errorf("decoding the access token: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	message := []byte(parts[0] + "." + parts[1])
	digest := sha256.Sum256(message)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return nil, fmt.Errorf("signing for the floor: %w", err)
	}
	return &floors{
		api: api, key: key, message: message, signature: signature,
		user:    map[string]types.AttributeValue{"pk": text("U#" + claims.Sub), "sk": text("P")},
		session: map[string]types.AttributeValue{"pk": text("S#" + claims.Sub), "sk": text(claims.Sid)},
	}, nil
}

// me makes the consistent read of session and user.
func (f *floors) me(ctx context.Context) error {
	output, err := f.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"Users":    {Keys: []map[string]types.AttributeValue{f.user}, ConsistentRead: aws.Bool(true)},
		"Sessions": {Keys: []map[string]types.AttributeValue{f.session}, ConsistentRead: aws.Bool(true)},
	}})
	if err != nil {
		return err
	}
	if len(output.Responses["Users"]) != 1 || len(output.Responses["Sessions"]) != 1 {
		return errors.New("the floor of me does not find its items")
	}
	return nil
}

// meVerified adds the verification of the access token, which names the items to read.
func (f *floors) meVerified(ctx context.Context) error {
	digest := sha256.Sum256(f.message)
	if !ecdsa.VerifyASN1(&f.key.PublicKey, digest[:], f.signature) {
		return errors.New("a signature of the floor's own does not verify")
	}
	return f.me(ctx)
}

// refresh makes the read of the user, the write of a rotation, and one signature.
func (f *floors) refresh(ctx context.Context) error {
	if _, err := f.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String("Users"), Key: f.user, ConsistentRead: aws.Bool(true),
	}); err != nil {
		return err
	}
	at := now()
	_, err := f.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                aws.String("Sessions"),
		Key:                      f.session,
		UpdateExpression:         aws.String("SET gen = :next, rotated = :at, kid = :kid, exp = :exp, op = :op"),
		ConditionExpression:      aws.String("attribute_exists(pk) AND gen = :from AND epoch = :epoch AND exp > :now AND #end > :now"),
		ExpressionAttributeNames: map[string]string{"#end": "end"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":from": number(int64(f.generation)), ":next": number(int64(f.generation + 1)), ":epoch": number(0),
			":now": number(at.Unix()), ":at": number(at.UnixMilli()), ":exp": number(at.Unix() + 30*24*3600),
			":kid": text("a-key-id-of-43-characters-as-thumbprints-are"), ":op": text("0f8fad5b-d9cb-469f-a165-70867728950e"),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err != nil {
		return err
	}
	f.generation++
	return f.sign()
}

// login computes one password hash and one signature.
func (f *floors) login(context.Context) error {
	argon2.IDKey([]byte(password), []byte("sixteen bytes ok"), 2, 19456, 1, 32)
	return f.sign()
}

func (f *floors) sign() error {
	digest := sha256.Sum256(f.message)
	_, err := ecdsa.SignASN1(rand.Reader, f.key, digest[:])
	return err
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func number(value int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(value, 10)}
}
