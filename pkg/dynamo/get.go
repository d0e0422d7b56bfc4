package dynamo

import (
	"context"
	"errors"
	"time"

	"latchkey/pkg/account"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// get reads one item consistently; nil if there is none.
func (s *Store) get(ctx context.Context, table string, key item) (item, error) {
	output, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: key, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return output.Item, nil
}

// readOne reads and decodes one item consistently; [ErrNotFound] if there is none. doing is for the log.
func readOne[V any](ctx context.Context, s *Store, doing, table string, key item, read func(item) (V, error)) (V, error) {
	var none V
	found, err := s.get(ctx, table, key)
	if err != nil {
		return none, classify(doing, err)
	}
	if found == nil {
		return none, account.ErrNotFound
	}
	return read(found)
}

// putSession stores an item of the Sessions table whose key is new and random, so that the write can be repeated freely.
func (s *Store) putSession(ctx context.Context, doing string, stored item) error {
	if _, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.sessions, Item: stored}); err != nil {
		return classify(doing, err)
	}
	return nil
}

// batchGet reads keys of several tables consistently in one call and gives the items found by table. Keys that the
// store leaves unprocessed are asked for again; if some remain, the error is errUnprocessed, never an absent item.
func (s *Store) batchGet(ctx context.Context, keys map[string][]item) (map[string][]item, error) {
	pending := make(map[string]types.KeysAndAttributes, len(keys))
	for table, wanted := range keys {
		if len(wanted) == 0 {
			continue // the engine refuses a table without keys
		}
		pending[table] = types.KeysAndAttributes{Keys: wanted, ConsistentRead: aws.Bool(true)}
	}
	found := make(map[string][]item, len(keys))
	for try := range attempts {
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
		if !pause(ctx, try) {
			return nil, errors.Join(errUnprocessed, ctx.Err())
		}
	}
	return nil, errUnprocessed
}

// find returns the item with the key that key has, or nil.
func find(items []item, key item) item {
	want := keyOf(key)
	for _, candidate := range items {
		if keyOf(candidate) == want {
			return candidate
		}
	}
	return nil
}

func keyOf(stored item) [2]string {
	r := &reader{item: stored}
	return [2]string{r.text(attrPK), r.text(attrSK)}
}

// pause waits before another try; false says that ctx ended first.
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
