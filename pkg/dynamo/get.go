package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
)

// get returns the item under key in a consistent read, or nil if there is none.
func (s *Store) get(ctx context.Context, table string, key item) (item, error) {
	output, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: key, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return output.Item, nil
}

// readOne returns the decoded item under key in a consistent read, or [account.ErrNotFound]. doing describes the call in an
// error.
func readOne[V any](ctx context.Context, s *Store, doing, table string, key item, read func(item) (V, error)) (V, error) {
	var none V
	stored, err := s.get(ctx, table, key)
	if err != nil {
		return none, classify(doing, err)
	}
	if stored == nil {
		return none, account.ErrNotFound
	}
	return read(stored)
}

// putSession stores an item of the Sessions table without a condition. Its key is new and random, so the call can be repeated.
func (s *Store) putSession(ctx context.Context, doing string, stored item) error {
	if _, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.sessions, Item: stored}); err != nil {
		return classify(doing, err)
	}
	return nil
}

// batchGet returns the items under keys, by table, in one consistent read. It requests keys again that DynamoDB left
// unprocessed. If some remain, the error is errUnprocessed, so that they do not look like absent items.
func (s *Store) batchGet(ctx context.Context, keys map[string][]item) (map[string][]item, error) {
	pending := make(map[string]types.KeysAndAttributes, len(keys))
	for table, wanted := range keys {
		if len(wanted) == 0 {
			continue // DynamoDB refuses a table without keys
		}
		pending[table] = types.KeysAndAttributes{Keys: wanted, ConsistentRead: aws.Bool(true)}
	}
	found := make(map[string][]item, len(keys))
	for attempt := range attempts {
		output, err := s.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: pending})
		if err != nil {
			return nil, err
		}
		for table, items := range output.Responses {
			found[table] = append(found[table], items...)
		}
		if pending = output.UnprocessedKeys; len(pending) == 0 {
			return found, nil
		}
		if !pause(ctx, attempt) {
			return nil, errors.Join(errUnprocessed, ctx.Err())
		}
	}
	return nil, errUnprocessed
}

// find returns the one of items that is stored under key, or nil.
func find(items []item, key item) item {
	want := keyOf(key)
	for _, candidate := range items {
		if keyOf(candidate) == want {
			return candidate
		}
	}
	return nil
}

// keyOf returns the partition key and the sort key of an item.
func keyOf(stored item) [2]string {
	r := &reader{item: stored}
	return [2]string{r.text(attrPK), r.text(attrSK)}
}

// pause waits before another attempt. It returns false if ctx ended first.
func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(backoff(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
