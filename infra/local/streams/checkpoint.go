package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// position is the progress in a shard.
type position struct {
	After string `json:"after,omitempty"` // sequence number of the last processed record; "" if there is none
	Done  bool   `json:"done,omitempty"`  // the shard is closed and all its records are processed
}

// checkpoints holds the positions of a mapping in the shards of its stream. It is safe for concurrent use.
type checkpoints struct {
	file string // "" keeps the positions in memory

	mu      sync.Mutex
	content checkpointFile
}

// checkpointFile is the content of the file.
type checkpointFile struct {
	Stream string              `json:"stream"` // ARN in the engine
	Shards map[string]position `json:"shards"`
}

// openCheckpoints reads the positions in file, if it exists. It ignores those of another stream, because a table that was
// deleted and created again has a new stream.
func openCheckpoints(file, stream string) (*checkpoints, error) {
	c := &checkpoints{file: file, content: checkpointFile{Stream: stream, Shards: make(map[string]position)}}
	if file == "" {
		return c, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoints: %w", err)
	}
	var content checkpointFile
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, fmt.Errorf("reading the checkpoints: %s: %w; delete the file to deliver the stream from its beginning", file, err)
	}
	if content.Stream == stream && content.Shards != nil {
		c.content = content
	}
	return c, nil
}

// empty reports whether no shard has a position.
func (c *checkpoints) empty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.content.Shards) == 0
}

func (c *checkpoints) at(shard string) position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.content.Shards[shard]
}

// set stores a position. It replaces the file by a rename, so a reader never gets an incomplete one.
func (c *checkpoints) set(shard string, p position) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.content.Shards[shard] = p
	if c.file == "" {
		return nil
	}
	text, err := json.Marshal(c.content)
	if err != nil {
		return fmt.Errorf("encoding the checkpoints: %w", err)
	}
	temporary := c.file + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return fmt.Errorf("writing the checkpoints: %w", err)
	}
	if err := os.Rename(temporary, c.file); err != nil {
		return fmt.Errorf("writing the checkpoints: %w", err)
	}
	return nil
}
