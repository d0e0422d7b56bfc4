package streams

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"latchkey/infra/testkit"
	"latchkey/infra/testkit/enginetest"
)

// split is a stream with several shards, which local engines do not have. Its shard P is closed and was split into L and R, of
// which L is closed as well. An iterator is "shard@offset", and a sequence number is the shard and the offset.
type split struct {
	t *testing.T

	mu        sync.Mutex
	fail      map[string]string // by iterator: the error for its next use
	iterators []string          // returned by GetShardIterator
	types     []string          // of these iterators
}

var splitShards = map[string]string{"P": "abc", "L": "de", "R": "fg"}

func (s *split) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var input struct {
		ShardID   string `json:"ShardId"`
		Type      string `json:"ShardIteratorType"`
		Sequence  string `json:"SequenceNumber"`
		Iterator  string `json:"ShardIterator"`
		After     string `json:"ExclusiveStartShardId"`
		TableName string
	}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest) // the client was stopped during the request
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch operation {
	case "DescribeTable":
		fmt.Fprint(w, `{"Table":{"LatestStreamArn":"arn:split-stream-of-the-test-with-a-long-name"}}`)
	case "DescribeStream": // on two pages, children first
		page := `"Shards":[{"ShardId":"R","ParentShardId":"P"},{"ShardId":"L","ParentShardId":"P"}],"LastEvaluatedShardId":"L"`
		if input.After != "" {
			page = `"Shards":[{"ShardId":"P","ParentShardId":"trimmed-long-ago"}]`
		}
		fmt.Fprintf(w, `{"StreamDescription":{%s}}`, page)
	case "GetShardIterator":
		offset := "0"
		if input.Type == "AFTER_SEQUENCE_NUMBER" {
			offset = fmt.Sprint(number(s.t, input.Sequence[1:]) + 1)
		}
		s.iterators, s.types = append(s.iterators, input.ShardID+"@"+offset), append(s.types, input.Type)
		fmt.Fprintf(w, `{"ShardIterator":"%s@%s"}`, input.ShardID, offset)
	case "GetRecords":
		s.records(w, input.Iterator)
	}
}

// records responds with the one record at iterator.
func (s *split) records(w http.ResponseWriter, iterator string) {
	shard, from, _ := strings.Cut(iterator, "@")
	offset := number(s.t, from)
	if code := s.fail[iterator]; code != "" {
		delete(s.fail, iterator)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"injected"}`, code)
		return
	}
	list, next := "", fmt.Sprintf(`,"NextShardIterator":"%s@%d"`, shard, offset+1)
	if offset < len(splitShards[shard]) {
		list = fmt.Sprintf(`{"eventName":"INSERT","dynamodb":{"ApproximateCreationDateTime":1,"SequenceNumber":"%s%d","Keys":{"pk":{"S":"%c"}}}}`,
			shard, offset, splitShards[shard][offset])
	} else {
		next = ""
		if shard == "R" {
			next = fmt.Sprintf(`,"NextShardIterator":%q`, iterator) // an open shard has an iterator at its end
		}
	}
	fmt.Fprintf(w, `{"Records":[%s]%s}`, list, next)
}

// splitFeed returns a feed from the split stream.
func splitFeed(t *testing.T, s *split) *feed {
	t.Helper()
	s.t = t
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client := dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(server.URL), Region: "us-east-1"})
	f := newFeed(t, enginetest.Tables{Endpoint: server.URL, Sessions: "Sessions", Client: client})
	f.folder = t.TempDir()
	return f
}

func TestParentShardsAreDeliveredFirst(t *testing.T) {
	f := splitFeed(t, &split{})
	m := f.start()
	testkit.Eventually(t, "all records", func() bool { return len(f.got()) == 7 })
	checkOrder(t, f.got())
	testkit.Eventually(t, "the checkpoints of closed shards", func() bool {
		c, err := openCheckpoints(f.folder+"/Mailer-Outbox.json", f.stream())
		return err == nil && c.at("P").Done && c.at("L").Done && c.at("R") == position{After: "R1"}
	})
	m.Close()
	f.start()
	f.expect(f.got()...) // no record is delivered again
}

// checkOrder checks that a, b and c are first in that order, that d is before e, and that f is before g.
func checkOrder(t *testing.T, got []string) {
	t.Helper()
	all := strings.Join(got, "")
	if !strings.HasPrefix(all, "abc") || strings.Index(all, "d") > strings.Index(all, "e") || strings.Index(all, "f") > strings.Index(all, "g") {
		t.Errorf("got order %q, want abc first, d before e, f before g", all)
	}
}

func TestInvalidIteratorsAreReplaced(t *testing.T) {
	for name, test := range map[string]struct {
		failure string
		reopens string
		again   int // number of records delivered twice
	}{
		"expired: from the same place":  {"ExpiredIteratorException", "P@2", 0},
		"trimmed: from the oldest left": {"TrimmedDataAccessException", "P@0", 2},
		"other error: iterator kept":    {"ValidationException", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &split{fail: map[string]string{"P@2": test.failure}}
			f := splitFeed(t, s)
			f.start()
			testkit.Eventually(t, "all records", func() bool { return len(f.got()) == 7+test.again })
			s.mu.Lock()
			defer s.mu.Unlock()
			var reopens []string
			for _, iterator := range s.iterators[1:] {
				if strings.HasPrefix(iterator, "P") {
					reopens = append(reopens, iterator)
				}
			}
			if got := strings.Join(reopens, " "); got != test.reopens {
				t.Errorf("after %s: got new iterators %q, want %q", test.failure, got, test.reopens)
			}
		})
	}
}

func TestLatestReadsExistingShardsFromTheirEnd(t *testing.T) {
	s := &split{}
	f := splitFeed(t, s)
	f.event.FromLatest = true
	f.start()
	testkit.Eventually(t, "an iterator for each shard", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.iterators) == 3
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if got, want := strings.Join(s.types, " "), "LATEST LATEST LATEST"; got != want {
		t.Errorf("got iterators of types %s, want %s", got, want)
	}
}
