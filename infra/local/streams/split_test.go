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

	"latchkey/infra/testkit/enginetest"
)

// split is a stream as AWS has them and local engines do not: its shard P has ended and was split into L and R, and of those L came to
// an end as well. Its iterators are "shard@offset"; sequence numbers are shard and offset too.
type split struct {
	t *testing.T

	mu     sync.Mutex
	fail   map[string]string // an error for the next read of a shard
	opened []string          // the iterators asked for
	kinds  []string          // and of what type
}

var splitShards = map[string]string{"P": "abc", "L": "de", "R": "fg"}

func (s *split) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		ShardID   string `json:"ShardId"`
		Kind      string `json:"ShardIteratorType"`
		Sequence  string `json:"SequenceNumber"`
		Iterator  string `json:"ShardIterator"`
		After     string `json:"ExclusiveStartShardId"`
		TableName string
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest) // a client that was stopped in mid-request
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
		if asked.After != "" {
			page = `"Shards":[{"ShardId":"P","ParentShardId":"trimmed-long-ago"}]`
		}
		fmt.Fprintf(w, `{"StreamDescription":{%s}}`, page)
	case "GetShardIterator":
		offset := "0"
		if asked.Kind == "AFTER_SEQUENCE_NUMBER" {
			offset = fmt.Sprint(number(s.t, asked.Sequence[1:]) + 1)
		}
		s.opened, s.kinds = append(s.opened, asked.ShardID+"@"+offset), append(s.kinds, asked.Kind)
		fmt.Fprintf(w, `{"ShardIterator":"%s@%s"}`, asked.ShardID, offset)
	case "GetRecords":
		s.records(w, asked.Iterator)
	}
}

// records answers with one record at a time.
func (s *split) records(w http.ResponseWriter, iterator string) {
	shard, from, _ := strings.Cut(iterator, "@")
	offset := number(s.t, from)
	if kind := s.fail[iterator]; kind != "" {
		delete(s.fail, iterator)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"on demand"}`, kind)
		return
	}
	list, next := "", fmt.Sprintf(`,"NextShardIterator":"%s@%d"`, shard, offset+1)
	if offset < len(splitShards[shard]) {
		list = fmt.Sprintf(`{"eventName":"INSERT","dynamodb":{"ApproximateCreationDateTime":1,"SequenceNumber":"%s%d","Keys":{"pk":{"S":"%c"}}}}`,
			shard, offset, splitShards[shard][offset])
	} else {
		next = ""
		if shard == "R" {
			next = fmt.Sprintf(`,"NextShardIterator":%q`, iterator) // it is open
		}
	}
	fmt.Fprintf(w, `{"Records":[%s]%s}`, list, next)
}

// splitFeed is a feed from the split stream.
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

func TestParentsComeBeforeChildren(t *testing.T) {
	f := splitFeed(t, &split{})
	m := f.start()
	eventually(t, "all records", func() bool { return len(f.got()) == 7 })
	inOrder(t, f.got())
	eventually(t, "the checkpoints of closed shards", func() bool {
		c, err := openCheckpoints(f.folder+"/Mailer-Outbox.json", f.stream())
		return err == nil && c.at("P").Done && c.at("L").Done && c.at("R") == position{After: "R1"}
	})
	m.Close()
	f.start()
	f.expect(f.got()...) // nothing again
}

// inOrder checks that a, b, c come first in that order, d before e, f before g.
func inOrder(t *testing.T, got []string) {
	t.Helper()
	all := strings.Join(got, "")
	if !strings.HasPrefix(all, "abc") || strings.Index(all, "d") > strings.Index(all, "e") || strings.Index(all, "f") > strings.Index(all, "g") {
		t.Errorf("order %q", all)
	}
}

func TestAnIteratorThatIsLostIsReplaced(t *testing.T) {
	for name, test := range map[string]struct {
		failure string
		reopens string
		again   int // records that come a second time
	}{
		"expired: from where it was":                    {"ExpiredIteratorException", "P@2", 0},
		"trimmed: from the oldest that is left":         {"TrimmedDataAccessException", "P@0", 2},
		"an error that says nothing about the iterator": {"ValidationException", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &split{fail: map[string]string{"P@2": test.failure}}
			f := splitFeed(t, s)
			f.start()
			eventually(t, "all records", func() bool { return len(f.got()) == 7+test.again })
			s.mu.Lock()
			defer s.mu.Unlock()
			var reopened []string
			for _, iterator := range s.opened[1:] {
				if strings.HasPrefix(iterator, "P") {
					reopened = append(reopened, iterator)
				}
			}
			if got := strings.Join(reopened, " "); got != test.reopens {
				t.Errorf("reopened %q, want %q", got, test.reopens)
			}
		})
	}
}

func TestLatestLeavesOutShardsThatWereThere(t *testing.T) {
	s := &split{}
	f := splitFeed(t, s)
	f.event.FromLatest = true
	f.start()
	eventually(t, "a look at each shard", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.opened) == 3
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Join(s.kinds, " "); got != "LATEST LATEST LATEST" {
		t.Errorf("opened at %s", got)
	}
}
